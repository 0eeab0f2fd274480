import { basename, join } from "node:path";
import type { Diagnostic } from "../diagnostics/index.ts";
import { repositoryFault } from "../oci/index.ts";
import { diskFilesOf, type FileSource } from "./file-source.ts";
import { diagnostic } from "./findings.ts";
import type { ImageEntry, ManifestTree, PromoterManifest } from "./model.ts";
import { type ParsedImages, type ParsedRegistries, parseImages, parseRegistries } from "./parse.ts";
import type { RegistryList } from "./registry-list.ts";
import { fingerprint, type TextFileFault } from "./text-file.ts";
import { type ThinProject, thinProjectIn } from "./thin-directory.ts";

/** What may be left unread. */
export interface ReadOptions {
  /**
   * Whether the images of a project are wanted; all are when it is left out. The others are read as projects
   * without images, and their lists are neither opened nor checked.
   */
  readonly imagesOf?: (project: Pick<PromoterManifest, "project" | "source" | "destinations">) => boolean;
}

export interface TreeReadOptions extends ReadOptions {
  readonly files: FileSource;
  /** The same tree, read from somewhere else: a project whose texts are the same is not parsed again. */
  readonly known?: ManifestTree;
}

export interface ReadProject {
  readonly project: string;
  readonly manifest: PromoterManifest | undefined;
  readonly diagnostics: readonly Diagnostic[];
  readonly texts: Readonly<Record<string, string>>;
}

/** Reads the two files of a thin manifest. */
export async function readThinProject(project: ThinProject, reading: TreeReadOptions): Promise<ReadProject> {
  const name = project.project;
  const texts: Record<string, string> = {};
  const read = async (file: string): Promise<string | TextFileFault> => {
    const text = await reading.files.read(file);
    if (typeof text === "string") texts[file] = fingerprint(text);
    return text;
  };
  const text = await read(project.file);
  const { registries, diagnostics } =
    knownRegistries(project, texts, reading.known) ??
    (typeof text === "string" ? parseRegistries(text, project.file) : unread(text, project.file));
  if (registries !== undefined && reading.imagesOf?.({ project: name, ...registries }) === false) {
    return { project: name, manifest: { ...project, ...registries, images: [] }, diagnostics, texts };
  }
  const list = await read(project.imagesFile);
  const known = unchanged(project, texts, reading.known);
  if (known !== undefined) return known;
  const images = knownImages(project, texts, reading.known) ?? parsedImages(list, project);
  const found = [...diagnostics, ...images.diagnostics];
  if (registries === undefined || images.images === undefined) {
    return { project: name, manifest: undefined, diagnostics: found, texts };
  }
  const { manifest, tooLong } = assemble(project, registries, images.images);
  return { project: name, manifest, diagnostics: [...found, ...tooLong], texts };
}

/** The registries of a project of another tree, when their file has the same text. */
function knownRegistries(
  { file }: ThinProject,
  texts: Readonly<Record<string, string>>,
  known: ManifestTree | undefined,
): ParsedRegistries | undefined {
  if (texts[file] === undefined || texts[file] !== known?.texts?.[file]) return undefined;
  const manifest = known.manifests.find((other) => other.file === file);
  if (manifest === undefined) return undefined;
  const { source, destinations, provenance } = manifest;
  return { registries: { source, destinations, provenance }, diagnostics: foundIn(known, [file]) };
}

/** What is wrong with files by themselves. */
function foundIn({ diagnostics }: ManifestTree, files: readonly string[]): readonly Diagnostic[] {
  return diagnostics.filter(({ code, file }) => !wholeTreeCodes.has(code) && files.includes(file));
}

/** Codes of what shows only beside other projects. */
const wholeTreeCodes: ReadonlySet<string> = new Set([
  "destination-is-staging",
  "provenance-differs",
  "provenance-unmatched",
]);

/** A project of another tree with the same name, files and texts. */
function unchanged(
  { project, file, imagesFile }: ThinProject,
  texts: Readonly<Record<string, string>>,
  known: ManifestTree | undefined,
): ReadProject | undefined {
  const isSame = (path: string): boolean => texts[path] !== undefined && texts[path] === known?.texts?.[path];
  if (known === undefined || !isSame(file) || !isSame(imagesFile)) return undefined;
  const manifest = known.manifests.find((other) => other.file === file && other.imagesFile === imagesFile);
  if (manifest === undefined) return undefined;
  return { project, manifest, diagnostics: foundIn(known, [file, imagesFile]), texts };
}

/** The images of a project of another tree whose list has the same text, which nothing is wrong with: findings name files. */
function knownImages(
  { project, imagesFile }: ThinProject,
  texts: Readonly<Record<string, string>>,
  known: ManifestTree | undefined,
): ParsedImages | undefined {
  if (known === undefined) return undefined;
  const other = thinProjectIn(known.path, project).imagesFile;
  if (texts[imagesFile] === undefined || texts[imagesFile] !== known.texts?.[other]) return undefined;
  if (known.diagnostics.some(({ file }) => file === other)) return undefined;
  const images = known.manifests.find((manifest) => manifest.imagesFile === other)?.images;
  return images === undefined ? undefined : { images, diagnostics: [] };
}

/**
 * A project of a thin directory with its images, when it was read without them. What is wrong with its list is left
 * out, as ever; one that cannot be read at all gives no images.
 */
export async function readImagesOf(manifest: PromoterManifest): Promise<PromoterManifest> {
  const files = await diskFilesOf(manifest.imagesFile);
  const { images = [] } = parsedImages(await files.read(manifest.imagesFile), manifest);
  return assemble(manifest, manifest, images).manifest;
}

function parsedImages(text: string | TextFileFault, project: ThinProject): ParsedImages {
  return typeof text === "string" ? parseImages(text, project.imagesFile) : noImages(text, project);
}

function unread(fault: TextFileFault, file: string): ParsedImages & ParsedRegistries {
  return { images: undefined, registries: undefined, diagnostics: [faultOf(fault, file)] };
}

function noImages(fault: TextFileFault, { project, file, imagesFile }: ThinProject): ParsedImages {
  if (!fault.isMissing) return unread(fault, imagesFile);
  const message = `corresponding file "${join("images", project, basename(imagesFile))}" does not exist`;
  const missing = diagnostic("missing-images-file", imagesFile, undefined, message, {
    hint: "make it; it may be empty",
    related: [{ file, message: "this manifest needs it" }],
  });
  return { images: undefined, diagnostics: [missing] };
}

/** A file that gave no text, as a finding. */
export function faultOf({ code, message, hint }: TextFileFault, file: string): Diagnostic {
  return diagnostic(code, file, undefined, message, { hint });
}

/**
 * Joins registries and images. Both are sound by themselves; together they can still be longer than a repository
 * name may be, and such images are left out.
 */
export function assemble(
  project: ThinProject,
  { source, destinations, provenance }: Pick<RegistryList, "source" | "destinations" | "provenance">,
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
  const manifest = { project: name, file, imagesFile, source, destinations, images: sound, provenance };
  return { manifest, tooLong };
}
