import { stat } from "node:fs/promises";
import { basename, normalize, sep } from "node:path";
import pLimit from "p-limit";
import { repositoryFault } from "../oci/index.ts";
import { diagnostic, inOrder } from "./findings.ts";
import type { Diagnostic, ImageEntry, ManifestTree, PromoterManifest } from "./model.ts";
import { type ParsedImages, parseImages, parsePlainManifest, parseRegistries } from "./parse.ts";
import type { RegistryList } from "./registry-list.ts";
import { readTextFile, type TextFileFault } from "./text-file.ts";
import { listThinDirectory, type ThinProject } from "./thin-directory.ts";

/** What may be left unread. */
export interface ReadOptions {
  /**
   * Whether the images of a project are wanted; all are when it is left out. The others are read as projects
   * without images, and their lists are neither opened nor checked.
   */
  readonly imagesOf?: (project: Pick<PromoterManifest, "project" | "source" | "destinations">) => boolean;
}

/** Files that are opened at the same time. */
const projectsAtOnce = 16;

/** Reads what stands at the path: a directory of thin manifests, or one plain manifest. Never throws. */
export async function readManifests(path: string, options: ReadOptions = {}): Promise<ManifestTree> {
  const isFile = await stat(path).then(
    (found) => !found.isDirectory(),
    () => false,
  );
  return isFile ? readPlainManifest(path) : readManifestTree(path, options);
}

/**
 * Reads a directory of thin manifests: every `manifests/<project>/promoter-manifest.yaml` with its
 * `images/<project>/images.yaml`, projects in the order of their names. Never throws: what is wrong is among the
 * diagnostics, and a project that cannot be read is listed as unreadable and stops no other.
 * @param directory in any spelling: a trailing slash or a leading `./` changes nothing.
 */
export async function readManifestTree(directory: string, options: ReadOptions = {}): Promise<ManifestTree> {
  const path = normalised(directory);
  const listing = await listThinDirectory(path);
  const diagnostics = [...listing.diagnostics];
  const unreadable = [...listing.unreadable];
  const manifests: PromoterManifest[] = [];
  const read = await pLimit(projectsAtOnce).map(listing.projects, (project) =>
    readThinProject(project, options),
  );
  for (const { project, manifest, diagnostics: found } of read) {
    diagnostics.push(...found);
    if (manifest === undefined) unreadable.push(project);
    else manifests.push(manifest);
  }
  const isEmpty = manifests.length === 0 && unreadable.length === 0;
  if (isEmpty && !diagnostics.some(({ severity }) => severity === "error")) {
    diagnostics.push(
      diagnostic("no-manifests", path, undefined, `no manifests found in dir: ${path}`, {
        hint: "thin manifests stand at manifests/<project>/promoter-manifest.yaml",
      }),
    );
  }
  diagnostics.push(...promotionsIntoStaging(manifests));
  return { path, manifests, diagnostics: inOrder(diagnostics), unreadable };
}

/** Reads one plain manifest, registries and images in one file, as a tree of one project. Never throws. */
export async function readPlainManifest(file: string): Promise<ManifestTree> {
  const path = normalised(file);
  const text = await readTextFile(path);
  if (typeof text !== "string") {
    return { path, manifests: [], diagnostics: [faultOf(text, path)], unreadable: [basename(path)] };
  }
  const { registries, images, diagnostics } = parsePlainManifest(text, path);
  if (registries === undefined || images === undefined) {
    return { path, manifests: [], diagnostics, unreadable: [basename(path)] };
  }
  const { manifest, tooLong } = assemble(
    { project: basename(path), file: path, imagesFile: path },
    registries,
    images,
  );
  return { path, manifests: [manifest], diagnostics: inOrder([...diagnostics, ...tooLong]), unreadable: [] };
}

function normalised(path: string): string {
  const short = normalize(path);
  return short.length > 1 && short.endsWith(sep) ? short.slice(0, -1) : short;
}

interface ReadProject {
  readonly project: string;
  readonly manifest: PromoterManifest | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

async function readThinProject(project: ThinProject, { imagesOf }: ReadOptions): Promise<ReadProject> {
  const text = await readTextFile(project.file);
  const { registries, diagnostics } =
    typeof text === "string"
      ? parseRegistries(text, project.file)
      : { registries: undefined, diagnostics: [faultOf(text, project.file)] };
  if (registries !== undefined && imagesOf?.({ project: project.project, ...registries }) === false) {
    return { project: project.project, manifest: { ...project, ...registries, images: [] }, diagnostics };
  }
  const images = await readImages(project);
  const found = [...diagnostics, ...images.diagnostics];
  if (registries === undefined || images.images === undefined) {
    return { project: project.project, manifest: undefined, diagnostics: found };
  }
  const { manifest, tooLong } = assemble(project, registries, images.images);
  return { project: project.project, manifest, diagnostics: [...found, ...tooLong] };
}

/**
 * A project of a thin directory with its images, when it was read without them. What is wrong with its list is left
 * out, as ever; one that cannot be read at all gives no images.
 */
export async function readImagesOf(manifest: PromoterManifest): Promise<PromoterManifest> {
  const { images = [] } = await readImages(manifest);
  return assemble(manifest, manifest, images).manifest;
}

async function readImages(project: ThinProject): Promise<ParsedImages> {
  const text = await readTextFile(project.imagesFile);
  return typeof text === "string" ? parseImages(text, project.imagesFile) : noImages(text, project);
}

function noImages(fault: TextFileFault, { file, imagesFile }: ThinProject): ParsedImages {
  if (!fault.isMissing) return { images: undefined, diagnostics: [faultOf(fault, imagesFile)] };
  const message = `corresponding file "${imagesFile}" does not exist`;
  const missing = diagnostic("missing-images-file", imagesFile, undefined, message, {
    hint: "make it; it may be empty",
    related: [{ file, message: "this manifest needs it" }],
  });
  return { images: undefined, diagnostics: [missing] };
}

function faultOf({ code, message, hint }: TextFileFault, file: string): Diagnostic {
  return diagnostic(code, file, undefined, message, { hint });
}

/**
 * Joins registries and images. Both are sound by themselves; together they can still be longer than a repository
 * name may be, and such images are left out.
 */
function assemble(
  project: ThinProject,
  { source, destinations }: Pick<RegistryList, "source" | "destinations">,
  images: readonly ImageEntry[],
): { readonly manifest: PromoterManifest; readonly tooLong: readonly Diagnostic[] } {
  const registries = [source, ...destinations];
  const longest = registries.reduce((one, other) => (other.name.length > one.name.length ? other : one));
  const tooLong: Diagnostic[] = [];
  const sound = images.filter(({ name, at }) => {
    const fault = repositoryFault(`${longest.name}/${name}`);
    if (fault === undefined) return true;
    const message = `invalid image name: ${name} in ${longest.name} (${fault})`;
    tooLong.push(diagnostic("invalid-image-name", project.imagesFile, at, message));
    return false;
  });
  const { project: name, file, imagesFile } = project;
  return { manifest: { project: name, file, imagesFile, source, destinations, images: sound }, tooLong };
}

/** Promotion in steps is allowed; a slip of the pen that fills somebody's staging registry looks the same. */
function promotionsIntoStaging(manifests: readonly PromoterManifest[]): Diagnostic[] {
  const bySource = new Map(manifests.map((manifest) => [manifest.source.name, manifest]));
  return manifests.flatMap(({ file, destinations }) =>
    destinations.flatMap(({ name, at }) => {
      const other = bySource.get(name);
      if (other === undefined) return [];
      const message = `${name} is the source of ${other.project}`;
      return diagnostic("destination-is-staging", file, at, message, {
        related: [{ file: other.file, at: other.source.at, message: "here it is the source" }],
      });
    }),
  );
}
