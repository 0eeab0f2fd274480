import { basename, join } from "node:path";
import type { Diagnostic } from "../diagnostics/index.ts";
import type { DiagnosticCode } from "./diagnostic-codes.ts";
import type { FileSource, FolderEntry } from "./file-source.ts";
import { diagnostic } from "./findings.ts";
import { misplacedPolicies } from "./policy-file.ts";

const promoterFile = "promoter-manifest.yaml";
const imagesFile = "images.yaml";

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
  const diagnostics: Diagnostic[] = [];
  const policies: Diagnostic[] = [];
  const listing: Listing = {
    files,
    looked: (folder, entries) => policies.push(...misplacedPolicies(directory, folder, entries)),
    projects: [],
    unreadable: [],
    diagnostics,
    report: (code, path, message, hint) =>
      diagnostics.push(diagnostic(code, path, undefined, message, { hint })),
  };
  const folders = ["images", "manifests"].map((name) => join(directory, name));
  const there = (await isThere(directory, listing))
    ? await Promise.all(folders.map((folder) => isThere(folder, listing, basename(folder))))
    : [false];
  if (there.includes(false)) return { projects: [], unreadable: [], diagnostics };
  for (const entry of await entriesOf(join(directory, "manifests"), listing))
    await listManifestEntry(directory, entry, listing);
  for (const entry of await entriesOf(join(directory, "images"), listing))
    await listImagesEntry(directory, entry, listing);
  return {
    projects: listing.projects,
    unreadable: listing.unreadable,
    diagnostics: [...diagnostics, ...policies],
  };
}

interface Listing {
  readonly files: FileSource;
  readonly projects: ThinProject[];
  readonly unreadable: string[];
  readonly diagnostics: readonly Diagnostic[];
  /** Is told what each folder below the directory holds. */
  readonly looked: (folder: string, entries: readonly FolderEntry[]) => void;
  readonly report: (code: DiagnosticCode, path: string, message: string, hint?: string) => void;
}

/**
 * Whether there is a folder: where there is none, it is told.
 * @param name What it is called in the directory; left out for the directory itself.
 */
async function isThere(path: string, listing: Listing, name?: string): Promise<boolean> {
  const kind = await listing.files.kindOf(path);
  if (kind === "directory") return true;
  if (kind === undefined && (await tellFaultOf(path, listing))) return false;
  const [missing, other] =
    name === undefined
      ? ["no such file or directory", "it is not a directory"]
      : [`stat directory ${name}: no such file or directory`, `"${name}" is not a directory`];
  const hint = "a directory of thin manifests has the folders images/ and manifests/";
  listing.report("missing-directory", path, kind === undefined ? missing : other, hint);
  return false;
}

/** Says why nothing seems to be at a path, when something is that may not be read. */
async function tellFaultOf(path: string, { files, report }: Listing): Promise<boolean> {
  const read = await files.read(path);
  if (typeof read === "string" || read.isMissing) return false;
  report(read.code, path, read.message, read.hint);
  return true;
}

async function listManifestEntry(directory: string, entry: FolderEntry, listing: Listing): Promise<void> {
  const path = join(directory, "manifests", entry.name);
  const kind = await kindOf(entry, path, listing);
  if (kind !== "directory") {
    if (entry.name === promoterFile) reportDepth(path, entry.name, join("manifests", entry.name), listing);
    else if (kind === undefined) {
      const why = entry.kind === "link" ? "its symbolic link leads nowhere" : "it is no file and no folder";
      if (!(await tellFaultOf(path, listing)))
        listing.report("unreadable-file", path, `it cannot be read: ${why}`);
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
  for (const { path, project } of nested) {
    reportDepth(path, project, join("manifests", project, promoterFile), listing);
  }
  if (names.includes(promoterFile)) listing.projects.push(thinProjectIn(directory, entry.name));
  else if (nested.length === 0) {
    const similar = names.find((name) => /\.ya?ml$/i.test(name));
    const hint =
      similar === undefined
        ? "the project is not promoted; remove the folder if that is right"
        : `the project is not promoted; must ${similar} be called ${promoterFile}?`;
    listing.report("missing-promoter-manifest", path, `the folder has no ${promoterFile}`, hint);
  }
}

async function kindOf({ kind }: FolderEntry, path: string, { files }: Listing) {
  return kind === "directory" ? kind : files.kindOf(path);
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

/** @param name The path within the directory. */
function reportDepth(path: string, project: string, name: string, { report, unreadable }: Listing): void {
  const hint = `move it to manifests/<project>/${promoterFile}`;
  report("unexpected-manifest-path", path, `unexpected manifest path "${name}"`, hint);
  unreadable.push(project);
}

async function listImagesEntry(directory: string, entry: FolderEntry, listing: Listing): Promise<void> {
  const path = join(directory, "images", entry.name);
  if ((await kindOf(entry, path, listing)) !== "directory") return;
  const names = (await entriesOf(path, listing)).map(({ name }) => name);
  const isKnown = listing.projects.some(({ project }) => project === entry.name);
  if (names.includes(promoterFile)) {
    const hint = `move it to manifests/${entry.name}/${promoterFile}`;
    listing.report(
      "misplaced-promoter-manifest",
      join(path, promoterFile),
      "nothing reads this file here",
      hint,
    );
  } else if (
    !isKnown &&
    (await listing.files.kindOf(join(directory, "manifests", entry.name))) !== "directory"
  ) {
    const message = `images of ${entry.name} are not promoted: there is no manifests/${entry.name}`;
    const hint = `say where to promote from and to in manifests/${entry.name}/${promoterFile}`;
    listing.report("images-without-manifest", path, message, hint);
  }
}

/** Entries in the order of their names; of a folder that cannot be read none, which is reported. */
async function entriesOf(
  folder: string,
  { files, looked, report }: Listing,
): Promise<readonly FolderEntry[]> {
  const entries = await files.list(folder);
  if (!("fault" in entries)) {
    looked(folder, entries);
    return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }
  report("unreadable-file", folder, `the folder cannot be read: ${entries.fault}`);
  return [];
}
