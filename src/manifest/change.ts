import { realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize, relative, resolve, sep } from "node:path";
import type { CommitFiles, GitRepository } from "../git/index.ts";
import type { CommittedManifests } from "./at-commit.ts";
import { type CommitOptions, commitBefore, committedFiles, repositoryAround } from "./committed-files.ts";
import { diskFilesWithin, type FileSource, remembered } from "./file-source.ts";
import { textsOf } from "./found-since.ts";
import type { ManifestTree, PromoterManifest } from "./model.ts";
import { withNamedPolicy } from "./policy-file.ts";
import { normalizedPath, readManifestsFrom } from "./read.ts";
import { fingerprint, type TextFileFault } from "./text-file.ts";

/** Two states of a tree of manifests, read as far as they differ. */
export interface ManifestChange {
  readonly base: CommittedManifests;
  /** Without a `commit` it is what is on disk. */
  readonly head: { readonly commit?: CommittedManifests["commit"]; readonly tree: ManifestTree };
  /** Projects with a file that differs, in the order of their names. */
  readonly changed: readonly string[];
  /**
   * Projects that are the same in both states, and write nothing that a changed one writes. They are in both trees
   * without their images, which changes nothing about what the states differ in.
   */
  readonly passedOver: readonly string[];
  /** A file of the trees as it is named from the top of the repository, with slashes. */
  placeOf(file: string): string;
}

/**
 * Reads two states of the manifests at a path: the objects of commits, or what is on disk. Files that are the same in
 * both are read once, and lists of images only of projects that differ, or may meet one that does: so the time it
 * takes does not grow with the tree. The path need not be on disk when both states are commits.
 *
 * On disk, links that lead out of the repository are not followed.
 * @param revisions as gitrevisions(7) has them; a base `REV...` is the commit at which the head left `REV`. What is on
 * disk is the head when none is named.
 * @throws {GitError} `not-a-repository`, `unknown-revision`, `shallow-clone`, `git-missing` or `git-failed`.
 */
export async function readManifestChange(
  path: string,
  revisions: { readonly base: string; readonly head?: string | undefined },
  { isWhole = false, policyFile, ...options }: ChangeOptions = {},
): Promise<ManifestChange> {
  const repository = await repositoryAround(path, options);
  const headCommit = revisions.head === undefined ? undefined : await repository.commitOf(revisions.head);
  const baseCommit = await commitBefore(repository, revisions.base, headCommit);
  const place = normalizedPath(path);
  const older = repository.filesAt(baseCommit);
  const newer = headCommit === undefined ? undefined : repository.filesAt(headCommit);
  try {
    const filesOf = (commit: CommitFiles): FileSource => committedFiles(commit, place, repository.prefix);
    const sides = {
      base: remembered(filesOf(older)),
      head: remembered(newer === undefined ? diskFilesWithin(repository.root) : filesOf(newer)),
    };
    const read = await readSides(place, sides, isWhole);
    const named = policyFile && (await nameInside(policyFile, place, repository));
    if (named !== undefined) {
      read.head = await withNamedPolicy(read.head, named, sides.head, true);
      read.base = await withNamedPolicy(read.base, named, sides.base, false);
    }
    return {
      base: { commit: baseCommit, tree: read.base },
      head: headCommit === undefined ? { tree: read.head } : { commit: headCommit, tree: read.head },
      changed: read.changed,
      passedOver: read.passedOver,
      placeOf: (file) =>
        [repository.prefix, ...relative(place, file).split(sep)].filter((part) => part !== "").join("/"),
    };
  } finally {
    older.close();
    newer?.close();
  }
}

export interface ChangeOptions extends CommitOptions {
  /** Read the lists of images of all projects: none is passed over. */
  readonly isWhole?: boolean;
  /** A policy file on disk that the settings name: it is read in both states where it lies in the repository. */
  readonly policyFile?: string | undefined;
}

/** What a file on disk is called among the files of a path; `undefined` of one that is not in the repository. */
async function nameInside(
  file: string,
  path: string,
  { root, prefix }: Pick<GitRepository, "root" | "prefix">,
): Promise<string | undefined> {
  const folder = await realpath(dirname(file)).catch(() => dirname(resolve(file)));
  const whole = join(folder, basename(file));
  const below = relative(root, whole);
  if (isAbsolute(below) || below.split(sep)[0] === "..") return undefined;
  return normalize(join(path, relative(join(root, prefix), whole)));
}

interface Sides<Side> {
  readonly base: Side;
  readonly head: Side;
}

async function readSides(
  path: string,
  files: Sides<FileSource>,
  isWhole: boolean,
): Promise<
  { -readonly [Side in keyof Sides<ManifestTree>]: ManifestTree } & Pick<
    ManifestChange,
    "changed" | "passedOver"
  >
> {
  const imagesOf = (): boolean => false;
  const head = await readManifestsFrom(path, { files: files.head, imagesOf });
  const base = await readManifestsFrom(path, { files: files.base, imagesOf, known: head });
  const projects = projectsOf({ base, head });
  const changed: ChangedProject[] = [];
  const same: PromoterManifest[] = [];
  for (const [name, states] of projects) {
    const texts = await changedTexts(states, files);
    if (texts === undefined) same.push(...states.slice(0, 1));
    else changed.push({ name, registries: registriesOf(states), texts });
  }
  const wanted = new Set(changed.map(({ name }) => name));
  const passedOver: string[] = [];
  for (const manifest of same) {
    if (isWhole || (await isNeighbor(manifest, changed, files.head))) wanted.add(manifest.project);
    else passedOver.push(manifest.project);
  }
  const reading = { imagesOf: ({ project }: { project: string }) => wanted.has(project) };
  const after = await readManifestsFrom(path, { ...reading, files: files.head, known: head });
  const before = await readManifestsFrom(path, { ...reading, files: files.base, known: after });
  const unread = [...after.unreadable, ...before.unreadable].filter((name) =>
    isUnlike(name, { base: before, head: after }),
  );
  return {
    base: before,
    head: after,
    changed: [...new Set([...changed.map(({ name }) => name), ...unread])].sort(),
    passedOver,
  };
}

/** What is known of each project that can be read at either side: one state of it, or two. */
function projectsOf({ base, head }: Sides<ManifestTree>): Map<string, readonly PromoterManifest[]> {
  const projects = new Map<string, readonly PromoterManifest[]>();
  for (const manifest of [...head.manifests, ...base.manifests]) {
    projects.set(manifest.project, [...(projects.get(manifest.project) ?? []), manifest]);
  }
  return projects;
}

/** The texts of the images of a project that differs; `undefined` for one that is the same at both sides. */
async function changedTexts(
  states: readonly PromoterManifest[],
  files: Sides<FileSource>,
): Promise<readonly string[] | undefined> {
  const [one, other] = states;
  const texts: string[] = [];
  let isSame = one?.source === other?.source && one?.destinations === other?.destinations;
  for (const file of new Set(states.map(({ imagesFile }) => imagesFile))) {
    const [hash, other] = await Promise.all([files.base.hashOf?.(file), files.head.hashOf?.(file)]);
    if (isSame && hash !== undefined && hash === other) continue;
    const [before, after] = await Promise.all([files.base.read(file), files.head.read(file)]);
    texts.push(...[before, after].filter((text) => typeof text === "string"));
    isSame &&= meaningOf(before) === meaningOf(after);
  }
  return isSame ? undefined : texts;
}

/** What stands for a text, or for why there is none. */
function meaningOf(text: string | TextFileFault): string {
  return typeof text === "string" ? fingerprint(text) : text.message;
}

function isUnlike(name: string, { base, head }: Sides<ManifestTree>): boolean {
  const wasUnreadable = base.unreadable.includes(name);
  return wasUnreadable !== head.unreadable.includes(name) || textsOf(name, base) !== textsOf(name, head);
}

/** A project that differs, as far as it has to be known to tell what it may write. */
interface ChangedProject {
  readonly name: string;
  readonly registries: ReadonlySet<string>;
  /** The texts of its images, in each of its states. */
  readonly texts: readonly string[];
}

/**
 * Whether a project may write a production repository that one of the changed projects writes: anywhere below a registry that
 * both promote to, or with an image whose name begins with the path from a registry of one to a registry of the other.
 */
async function isNeighbor(
  manifest: PromoterManifest,
  changed: readonly ChangedProject[],
  files: FileSource,
): Promise<boolean> {
  const own = registriesOf([manifest]);
  for (const { registries, texts } of changed) {
    const theirs = pathsBelow(registries, own);
    const isMet =
      [...own].some((name) => registries.has(name)) || texts.some((text) => mayName(text, theirs));
    if (isMet) return true;
    const beginnings = pathsBelow(own, registries);
    if (beginnings.length === 0) continue;
    const text = await files.read(manifest.imagesFile);
    if (typeof text !== "string" || mayName(text, beginnings)) return true;
  }
  return false;
}

function registriesOf(states: readonly Pick<PromoterManifest, "destinations">[]): ReadonlySet<string> {
  return new Set(states.flatMap(({ destinations }) => destinations.map(({ name }) => name)));
}

/**
 * Whether a list of images may have a name with one of the beginnings. It is not parsed for it: a name stands in the text
 * as it is, unless the text has escapes, which nobody needs for names: then it may have any.
 */
function mayName(text: string, beginnings: readonly string[]): boolean {
  if (beginnings.length === 0) return false;
  return text.includes("\\") || beginnings.some((beginning) => text.includes(beginning));
}

/** The paths that lead from some registries to others below them, with a slash at their end. */
function pathsBelow(registries: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  const paths = new Set<string>();
  for (const other of others) {
    for (let end = other.lastIndexOf("/"); end > 0; end = other.lastIndexOf("/", end - 1)) {
      if (registries.has(other.slice(0, end))) paths.add(`${other.slice(end + 1)}/`);
    }
  }
  return [...paths];
}
