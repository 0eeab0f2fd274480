import { type CommitHash, type GitRepository, openGitRepository } from "../git/index.ts";
import { committedFiles } from "./committed-files.ts";
import { asksForTheSame, compareManifests } from "./compare.ts";
import type { ManifestTree } from "./model.ts";
import { normalisedPath, readManifestsFrom } from "./read.ts";

/** Manifests as a commit has them. */
export interface CommittedManifests {
  /** Full hash. */
  readonly commit: string;
  /** Its files are named as they would be on disk. */
  readonly tree: ManifestTree;
}

/** How Git is run: `process.env` when it is left out. */
export interface CommitOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads the manifests that a revision has where a tree of the working copy stands. What has been read from disk is given,
 * so that files that are the same are not parsed again. A tree that is not there at the revision is an empty one, with
 * a diagnostic.
 * @param revision as gitrevisions(7) has them. `REV...` is the commit at which `HEAD` left `REV`, as for `git diff`.
 * @throws {GitError} `not-a-repository`, `unknown-revision`, `shallow-clone`, `git-missing` or `git-failed`.
 */
export async function readManifestsAt(
  tree: ManifestTree,
  revision: string,
  { environment }: CommitOptions = {},
): Promise<CommittedManifests> {
  const repository = await openGitRepository(tree.path, environment);
  return readAt(repository, await commitBefore(repository, revision), tree);
}

/**
 * Reads the manifests before their last change: those of `HEAD` when the tree on disk asks for something else than
 * `HEAD` does, otherwise those of its first parent, which for a merge is the branch that it was merged into.
 * `undefined` when `HEAD` is the first commit, so that everything is new.
 * @throws {GitError} as {@link readManifestsAt}.
 */
export async function readManifestsBeforeChange(
  tree: ManifestTree,
  { environment }: CommitOptions = {},
): Promise<CommittedManifests | undefined> {
  const repository = await openGitRepository(tree.path, environment);
  const head = await repository.commitOf("HEAD");
  const committed = await readAt(repository, head, tree);
  if (!asksForTheSame(compareManifests(committed.tree, tree))) return committed;
  const parent = await repository.firstParent(head);
  return parent === undefined ? undefined : readAt(repository, parent, tree);
}

/**
 * The commit that a revision names; for `REV...` the one at which the head left `REV`.
 * @param head `HEAD` when it is left out.
 */
export async function commitBefore(
  repository: GitRepository,
  revision: string,
  head?: CommitHash,
): Promise<CommitHash> {
  const branch = /^(.+)\.\.\.$/s.exec(revision)?.[1];
  if (branch === undefined) return repository.commitOf(revision);
  const one = await repository.commitOf(branch);
  return repository.mergeBase(one, head ?? (await repository.commitOf("HEAD")));
}

async function readAt(
  repository: GitRepository,
  commit: CommitHash,
  known: ManifestTree,
): Promise<CommittedManifests> {
  const path = normalisedPath(known.path);
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
