import { lstat, stat } from "node:fs/promises";
import { join, normalize } from "node:path";
import type { Diagnostic } from "../diagnostics/index.ts";
import { createFiles, diskFaultOf, errorCodeOf, type NewFile } from "../disk/index.ts";
import { checkTree } from "../edges/index.ts";
import { harmless } from "../errors/index.ts";
import type { PromoterManifest, RegistryEntry } from "../manifest/index.ts";
import { parseImages, parseRegistries, readManifestTree } from "../manifest/index.ts";
import { restBelow } from "../oci/index.ts";
import type { Settings } from "../settings/index.ts";
import { StagingError } from "./errors.ts";
import { chooseSet, type ProjectNames, projectNamesIn } from "./names.ts";

/** What project to make, and where. */
export interface NewStagingOptions {
  /** The short name: `apisnoop`. */
  readonly name: string;
  /** The directory of thin manifests; its folders `images` and `manifests` are made when they are missing. */
  readonly directory: string;
  readonly sets: Settings["destinations"];
  /** The name of the set; may be left out when there is one. */
  readonly set?: string | undefined;
  /** The staging registry, when it is not the one that the set says. */
  readonly source?: string | undefined;
  /** Approvers of the list of images; without any, there is no `OWNERS` file. */
  readonly owners?: readonly string[];
  /** Says what would be written, and writes nothing. */
  readonly dryRun?: boolean;
}

/** A project that was made, or would be. */
export interface NewStaging {
  /** The name of its folders below `images/` and `manifests/`. */
  readonly project: string;
  /** The set that its destinations are from. */
  readonly set: string;
  readonly source: string;
  readonly destinations: readonly string[];
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly written: boolean;
  /** What `waybill check` says of the new files; empty in a dry run. */
  readonly diagnostics: readonly Diagnostic[];
  readonly warnings: readonly string[];
}

/**
 * Makes the files of a project that is to be promoted: an empty list of images, who may approve changes of it, and the
 * promoter manifest, which comes last, so that no project without a list is ever seen. The registries themselves are not
 * made: that takes rights that this does not need.
 * @throws {StagingError} Then nothing was written.
 */
export async function newStaging(options: NewStagingOptions): Promise<NewStaging> {
  const { name, sets, set: wanted, owners = [], dryRun = false } = options;
  const { name: set, set: destinationSet } = chooseSet(sets, wanted);
  const names = projectNamesIn(destinationSet, name, options.source);
  const directory = normalize(options.directory);
  const files = filesOf(directory, names, owners);
  refuseUnreadable(files);
  await refuseNoDirectory(directory);
  await refusePresent(files);
  const tree = await readManifestTree(directory);
  refuseTaken(tree.manifests, names);
  if (!dryRun) await writeNewFiles(files);
  const paths = files.map(({ path }) => path);
  const checked = dryRun ? [] : checkTree(await readManifestTree(directory)).diagnostics;
  return {
    project: names.project,
    set,
    source: names.source,
    destinations: names.destinations.map(({ name }) => name),
    files,
    written: !dryRun,
    diagnostics: checked.filter(({ file }) => paths.includes(file)),
    warnings: tree.unreadable.map(
      (project) => `${project} cannot be read, so nobody knows whether it has one of the registries`,
    ),
  };
}

function filesOf(directory: string, names: ProjectNames, owners: readonly string[]): NewFile[] {
  const images = join(directory, "images", names.project);
  return [
    { path: join(images, "images.yaml"), text: emptyImages },
    ...(owners.length === 0 ? [] : [{ path: join(images, "OWNERS"), text: ownersFile(owners) }]),
    {
      path: join(directory, "manifests", names.project, "promoter-manifest.yaml"),
      text: promoterManifest(names),
    },
  ];
}

/** What would not be read as it is meant is never written. */
function refuseUnreadable(files: readonly NewFile[]): void {
  const found = files.flatMap(({ path, text }) => {
    if (path.endsWith("promoter-manifest.yaml")) return parseRegistries(text, path).diagnostics;
    return path.endsWith("images.yaml") ? parseImages(text, path).diagnostics : [];
  });
  const error = found.find(({ severity }) => severity === "error");
  if (error === undefined) return;
  throw new StagingError("invalid-registry", error.message, {
    hint: error.hint ?? "see --source, and destinations in waybill.yaml",
  });
}

async function refuseNoDirectory(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  throw new StagingError(
    "not-a-directory",
    found === undefined ? "there is no such directory" : "a plain manifest has one project; this is a file",
    { where: directory, hint: "a directory of thin manifests has the folders images/ and manifests/" },
  );
}

/** @throws {StagingError} `already-there` when one of the files is. */
async function refusePresent(files: readonly NewFile[]): Promise<void> {
  for (const { path } of files) {
    const found = await lstat(path).catch(() => undefined);
    if (found !== undefined) throw alreadyThere(path);
  }
}

/**
 * Writes new files in their order, none over another one. When one cannot be written, those before it are removed, with
 * the folders that were made for them.
 * @throws {StagingError} `already-there`, `write-failed`.
 */
async function writeNewFiles(files: readonly NewFile[]): Promise<void> {
  try {
    await createFiles(files);
  } catch (cause) {
    throw failure(cause, files);
  }
}

function failure(cause: unknown, files: readonly NewFile[]): Error {
  const { path, dest } = cause as NodeJS.ErrnoException & { readonly dest?: string };
  const taken = files.find((file) => file.path === dest || file.path === path);
  if (errorCodeOf(cause) === "EEXIST" && taken !== undefined) return alreadyThere(taken.path);
  const { message, hint } = diskFaultOf(cause);
  const where = dest ?? path;
  return new StagingError("write-failed", `the project could not be written: ${message}`, {
    where,
    hint,
    cause,
  });
}

function alreadyThere(path: string): StagingError {
  return new StagingError("already-there", "the project has this file already", {
    where: path,
    hint: "nothing is written over; choose another name, or edit the file",
  });
}

/**
 * A list without images, as `cip` and `kpromo` take it: a comment alone. `[]` would do for them as well, but nothing could be
 * added to it in the usual style.
 */
const emptyImages = "# Images that are promoted: their digests, and the tags of each.\n";

function promoterManifest({ source, destinations }: ProjectNames): string {
  const lines = destinations.flatMap(({ name, serviceAccount }) => [
    `- name: ${name}`,
    ...(serviceAccount === undefined ? [] : [`  service-account: ${serviceAccount}`]),
  ]);
  return `${["registries:", `- name: ${source}`, "  src: true", ...lines].join("\n")}\n`;
}

/** A login, a name of `OWNERS_ALIASES`, or a team. */
const owner = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?$/;
/** What YAML would take for something else than a text. */
const ambiguous = /^(?:[0-9].*|true|false|yes|no|on|off|null|y|n)$/i;

/**
 * The text of an `OWNERS` file in which these people approve.
 * @throws {StagingError} `invalid-owner`.
 */
function ownersFile(owners: readonly string[]): string {
  const approvers = [...new Set(owners.map(ownerName))];
  const lines = approvers.map((name) => `- ${ambiguous.test(name) ? JSON.stringify(name) : name}`);
  return `${["approvers:", ...lines].join("\n")}\n`;
}

function ownerName(text: string): string {
  const name = text.replace(/^@/, "");
  if (owner.test(name)) return name;
  const message = `${JSON.stringify(harmless(text.slice(0, 80)))} cannot be an approver`;
  throw new StagingError("invalid-owner", message, {
    hint: "an approver is the login of a person, or a name of OWNERS_ALIASES",
  });
}

/**
 * Refuses registries that another project has: two projects that write one repository can only come into conflict, and
 * of two that promote from one registry, `waybill merge` fills the first. A registry above another one is no conflict,
 * unless it has images there already.
 * @throws {StagingError} `taken`, with the line of the other manifest.
 */
export function refuseTaken(manifests: readonly PromoterManifest[], names: ProjectNames): void {
  for (const manifest of manifests) {
    refuseTakenBy(manifest, names);
    refuseTakenByImages(manifest, names);
  }
}

function refuseTakenBy(manifest: PromoterManifest, { source, destinations }: ProjectNames): void {
  const roles = [
    { role: "the source", entries: [manifest.source] },
    { role: "a destination", entries: manifest.destinations },
  ];
  for (const { role, entries } of roles) {
    for (const entry of entries) {
      const name = entry.name.replace(/\/+$/, "");
      if (name !== source && !destinations.some((destination) => destination.name === name)) continue;
      throw taken(manifest, entry, `${name} is ${role} of ${manifest.project} already`);
    }
  }
}

function refuseTakenByImages(manifest: PromoterManifest, { destinations }: ProjectNames): void {
  for (const registry of manifest.destinations) {
    const above = destinations.filter(({ name }) => restBelow(registry.name, name) !== undefined);
    for (const { name } of above) {
      const image = manifest.images.find(
        (entry) => restBelow(name, `${registry.name}/${entry.name}`) !== undefined,
      );
      if (image === undefined) continue;
      const repository = `${registry.name}/${image.name}`;
      throw new StagingError("taken", `${manifest.project} promotes to ${repository} already`, {
        where: `${manifest.imagesFile}:${image.at.line}:${image.at.column}`,
        hint: `nothing else may write below ${name}: choose another name`,
      });
    }
  }
}

function taken({ file }: PromoterManifest, { at }: RegistryEntry, message: string): StagingError {
  return new StagingError("taken", message, {
    where: `${file}:${at.line}:${at.column}`,
    hint: "a project has registries of its own: choose another name or source",
  });
}
