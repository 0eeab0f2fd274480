import type { CommitHash, GitRepository } from "../git/index.ts";
import { type CommitOptions, commitBefore, committedFiles, repositoryAround } from "./committed-files.ts";
import type { ManifestTree } from "./model.ts";
import { normalizedPath, readManifestsFrom } from "./read.ts";

/** Manifests as a commit has them. */
export interface CommittedManifests {
  /** Full hash. */
  readonly commit: string;
  /** Its files are named as they would be on disk. */
  readonly tree: ManifestTree;
}

/** Which commit is the newer side, where a revision is given as `REV...`. */
export interface BaseOptions extends CommitOptions {
  /** `HEAD` when it is left out. */
  readonly head?: string | undefined;
}

/**
 * Reads the manifests that a revision has where a tree of the working copy stands. What has been read from disk is given,
 * so that files that are the same are not parsed again. A tree that is not there at the revision is an empty one, with
 * a diagnostic.
 * @param revision as gitrevisions(7) has them. `REV...` is the commit at which `head` left `REV`, as for `git diff`.
 * @throws {GitError} `not-a-repository`, `unknown-revision`, `shallow-clone`, `git-missing` or `git-failed`.
 */
export async function readManifestsAt(
  tree: ManifestTree,
  revision: string,
  { head = "HEAD", ...options }: BaseOptions = {},
): Promise<CommittedManifests> {
  const repository = await repositoryAround(tree.path, options);
  const base = await commitBefore(repository, revision, await repository.commitOf(head));
  return readAt(repository, base, tree);
}

/**
 * Reads the manifests that a tree comes from: those of `HEAD` when the tree on disk is not like them, otherwise those of
 * the first parent of `HEAD`, which for a merge is the branch that it was merged into.
 * `undefined` when `HEAD` is the first commit, so that everything is new.
 * @throws {GitError} as {@link readManifestsAt}.
 */
export async function readManifestsUnlike(
  tree: ManifestTree,
  isAlike: (committed: ManifestTree, tree: ManifestTree) => boolean,
  options: CommitOptions = {},
): Promise<CommittedManifests | undefined> {
  const repository = await repositoryAround(tree.path, options);
  const head = await repository.commitOf("HEAD");
  const committed = await readAt(repository, head, tree);
  if (!isAlike(committed.tree, tree)) return committed;
  const parent = await repository.firstParent(head);
  return parent === undefined ? undefined : readAt(repository, parent, tree);
}

/**
 * Reads the manifests before the first change since a date: those of the first parent of the oldest commit that `HEAD` has got
 * since then, or of `HEAD` when it has got none. `undefined` when there was no commit before, so that everything is new.
 * @param date as `git log --since` takes it.
 * @throws {GitError} as {@link readManifestsAt}, or `unknown-date`.
 */
export async function readManifestsBeforeDate(
  tree: ManifestTree,
  date: string,
  options: CommitOptions = {},
): Promise<CommittedManifests | undefined> {
  const repository = await repositoryAround(tree.path, options);
  const oldest = await repository.oldestSince(date);
  const base =
    oldest === undefined ? await repository.commitOf("HEAD") : await repository.firstParent(oldest);
  return base === undefined ? undefined : readAt(repository, base, tree);
}

/** The manifests of a commit, and those of its first parent: none when it is the first commit. */
export interface CommitChange {
  readonly after: CommittedManifests;
  readonly before: CommittedManifests | undefined;
}

/**
 * Reads the manifests that a commit has at a path, and those that its first parent has, which for a merge is the branch that
 * it was merged into. What is on disk does not matter.
 * @throws {GitError} as {@link readManifestsAt}.
 */
export async function readManifestsOfCommit(
  path: string,
  revision: string,
  options: CommitOptions = {},
): Promise<CommitChange> {
  const repository = await repositoryAround(path, options);
  const commit = await repository.commitOf(revision);
  const nothing = { path, manifests: [], diagnostics: [], unreadable: [] };
  const after = await readAt(repository, commit, nothing);
  const parent = await repository.firstParent(commit);
  return { after, before: parent === undefined ? undefined : await readAt(repository, parent, after.tree) };
}

async function readAt(
  repository: GitRepository,
  commit: CommitHash,
  known: ManifestTree,
): Promise<CommittedManifests> {
  const path = normalizedPath(known.path);
  const files = repository.filesAt(commit);
  try {
    const tree = await readManifestsFrom(path, {
      files: committedFiles(files, path, repository.prefix),
      known,
    });
    return { commit, tree };
  } finally {
    files.close();
  }
}
