import { join } from "node:path";
import type { Diagnostic } from "../diagnostics/index.ts";
import type { FileSource, FolderEntry } from "./file-source.ts";
import { diagnostic } from "./findings.ts";

/** Name of the file with the registries of a thin manifest. */
export const promoterFile = "promoter-manifest.yaml";
const imagesFile = "images.yaml";

/** Where the two files of one thin manifest are. */
export interface ThinProject {
  readonly project: string;
  readonly file: string;
  readonly imagesFile: string;
}

/** Where the files of a project are in a directory of thin manifests. */
export function thinProjectIn(directory: string, project: string): ThinProject {
  return {
    project,
    file: join(directory, "manifests", project, promoterFile),
    imagesFile: join(directory, "images", project, imagesFile),
  };
}

/** What the folders of a directory of thin manifests hold. */
export interface ThinDirectory {
  /** In the order of their names. */
  readonly projects: readonly ThinProject[];
  /** Manifests that are there, but where nothing can read them. */
  readonly unreadable: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Looks for thin manifests below a directory: `manifests/<project>/promoter-manifest.yaml`, with the images in
 * `images/<project>/images.yaml`. Project folders may be symbolic links. Folders and files that look like a manifest
 * but are none are reported, for otherwise a project is not promoted and nobody notices.
 */
export async function listThinDirectory(directory: string, files: FileSource): Promise<ThinDirectory> {
  const images = join(directory, "images");
  const manifests = join(directory, "manifests");
  const missing = await missingDirectories(directory, [images, manifests], files);
  if (missing.length > 0) return { projects: [], unreadable: [], diagnostics: missing };
  const listing: Listing = { files, projects: [], unreadable: [], diagnostics: [] };
  for (const entry of await entriesOf(manifests, listing)) await listManifestEntry(directory, entry, listing);
  for (const entry of await entriesOf(images, listing)) await listImagesEntry(directory, entry, listing);
  const { projects, unreadable, diagnostics } = listing;
  return { projects, unreadable, diagnostics };
}

interface Listing {
  readonly files: FileSource;
  readonly projects: ThinProject[];
  readonly unreadable: string[];
  readonly diagnostics: Diagnostic[];
}

async function missingDirectories(
  directory: string,
  folders: readonly string[],
  files: FileSource,
): Promise<readonly Diagnostic[]> {
  const itself = await missingDirectory(directory, files);
  if (itself !== undefined) return [itself];
  const missing = await Promise.all(folders.map((folder) => missingDirectory(folder, files)));
  return missing.filter((found) => found !== undefined);
}

async function missingDirectory(path: string, files: FileSource): Promise<Diagnostic | undefined> {
  const kind = await files.kindOf(path);
  if (kind === "directory") return undefined;
  const fault = kind === undefined ? await faultOfPath(path, files) : undefined;
  if (fault !== undefined) return fault;
  const message =
    kind === undefined ? `stat directory ${path}: no such file or directory` : `"${path}" is not a directory`;
  return diagnostic("missing-directory", path, undefined, message, {
    hint: "a directory of thin manifests has the folders images/ and manifests/",
  });
}

/** Why nothing seems to be at a path, when something is that may not be read. */
async function faultOfPath(path: string, files: FileSource): Promise<Diagnostic | undefined> {
  const read = await files.read(path);
  if (typeof read === "string" || read.isMissing) return undefined;
  const { code, message, hint } = read;
  return diagnostic(code, path, undefined, message, hint === undefined ? {} : { hint });
}

async function listManifestEntry(directory: string, entry: FolderEntry, listing: Listing): Promise<void> {
  const path = join(directory, "manifests", entry.name);
  const kind = await kindOf(entry, path, listing);
  if (kind !== "directory") {
    if (entry.name === promoterFile) reportDepth(path, entry.name, listing);
    else if (kind === undefined) {
      const why = entry.kind === "link" ? "its symbolic link leads nowhere" : "it is no file and no folder";
      listing.diagnostics.push(
        (await faultOfPath(path, listing.files)) ??
          diagnostic("unreadable-file", path, undefined, `cannot read "${path}": ${why}`),
      );
      listing.unreadable.push(entry.name);
    }
    return;
  }
  const before = listing.diagnostics.length;
  const entries = await entriesOf(path, listing);
  if (listing.diagnostics.length > before) {
    listing.unreadable.push(entry.name);
    return;
  }
  const names = entries.map(({ name }) => name);
  // Links below are not followed: they may go in circles.
  const nested = entry.kind === "link" ? [] : await nestedManifests(path, entry.name, entries, listing);
  for (const { path, project } of nested) reportDepth(path, project, listing);
  if (names.includes(promoterFile)) {
    listing.projects.push(thinProjectIn(directory, entry.name));
  } else if (nested.length === 0) {
    const similar = names.find((name) => /\.ya?ml$/i.test(name));
    listing.diagnostics.push(
      diagnostic("missing-promoter-manifest", path, undefined, `${path} has no ${promoterFile}`, {
        hint:
          similar === undefined
            ? "the project is not promoted; remove the folder if that is right"
            : `the project is not promoted; must ${similar} be called ${promoterFile}?`,
      }),
    );
  }
}

/** What an entry is, or what its link leads to. */
async function kindOf(
  entry: FolderEntry,
  path: string,
  { files }: Listing,
): Promise<"directory" | "other" | undefined> {
  return entry.kind === "directory" ? "directory" : files.kindOf(path);
}

/** Promoter manifests in the folders of a project folder, however deep. */
async function nestedManifests(
  folder: string,
  project: string,
  entries: readonly FolderEntry[],
  listing: Listing,
): Promise<readonly { readonly path: string; readonly project: string }[]> {
  const found = [];
  for (const entry of entries) {
    if (entry.kind !== "directory") continue;
    const path = join(folder, entry.name);
    const name = `${project}/${entry.name}`;
    const below = await entriesOf(path, listing);
    if (below.some(({ name }) => name === promoterFile)) {
      found.push({ path: join(path, promoterFile), project: name });
    }
    found.push(...(await nestedManifests(path, name, below, listing)));
  }
  return found;
}

function reportDepth(path: string, project: string, listing: Listing): void {
  listing.diagnostics.push(
    diagnostic("unexpected-manifest-path", path, undefined, `unexpected manifest path "${path}"`, {
      hint: `move it to manifests/<project>/${promoterFile}`,
    }),
  );
  listing.unreadable.push(project);
}

async function listImagesEntry(directory: string, entry: FolderEntry, listing: Listing): Promise<void> {
  const path = join(directory, "images", entry.name);
  if ((await kindOf(entry, path, listing)) !== "directory") return;
  const names = (await entriesOf(path, listing)).map(({ name }) => name);
  const isKnown = listing.projects.some(({ project }) => project === entry.name);
  if (names.includes(promoterFile)) {
    const misplaced = join(path, promoterFile);
    listing.diagnostics.push(
      diagnostic("misplaced-promoter-manifest", misplaced, undefined, "nothing reads this file here", {
        hint: `move it to manifests/${entry.name}/${promoterFile}`,
      }),
    );
  } else if (
    !isKnown &&
    (await listing.files.kindOf(join(directory, "manifests", entry.name))) !== "directory"
  ) {
    const message = `images of ${entry.name} are not promoted: there is no manifests/${entry.name}`;
    listing.diagnostics.push(
      diagnostic("images-without-manifest", path, undefined, message, {
        hint: `say where to promote from and to in manifests/${entry.name}/${promoterFile}`,
      }),
    );
  }
}

/** Entries in the order of their names; of a folder that cannot be read none, which is reported. */
async function entriesOf(folder: string, { files, diagnostics }: Listing): Promise<readonly FolderEntry[]> {
  const entries = await files.list(folder);
  if (!("fault" in entries)) return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const message = `cannot read the folder "${folder}": ${entries.fault}`;
  diagnostics.push(diagnostic("unreadable-file", folder, undefined, message));
  return [];
}
