import { dirname } from "node:path";
import { inTemporaryFolder, type TemporaryFiles } from "./beside.ts";
import { GitError } from "./errors.ts";
import { withoutForeignSettings } from "./foreign-settings.ts";
import { withoutPassword } from "./password.ts";
import { type GitRun, gitOutput, runGit } from "./program.ts";
import { type CommitHash, type GitRepository, openGitRepository } from "./repository.ts";

/** A branch or tag as it was pushed. */
export interface Push {
  /** `refs/heads/…` or `refs/tags/…`. */
  readonly ref: string;
  /** Where it stands now; of an annotated tag the commit that it is of. */
  readonly commit: CommitHash;
  /** Where the branch stood before; of a tag and of a history's first commit none. */
  readonly before?: CommitHash | undefined;
  /** Paths that commits of the push have changed, each once: as they are added, modified or deleted. None of a tag. */
  readonly changes: readonly string[];
  /** The top of the working tree that it was read from. */
  readonly root: string;
  /** The URL of the remote `origin` there, without a password. */
  readonly origin?: string | undefined;
}

/** Which push is meant. */
export interface PushQuestion {
  /** `main`, `v1.0.0`, or in full; the branch that is checked out by default. */
  readonly ref?: string | undefined;
  /** A revision; by default the first parent of where the ref stands. */
  readonly before?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * What a push of a ref was, as far as a repository that has it can tell.
 * @throws {GitError} `unknown-revision` when there is no such branch or tag, both, or none is checked out.
 */
export async function readPush(checkout: string, question: PushQuestion = {}): Promise<Push> {
  const { environment: given = process.env } = question;
  const repository = await openGitRepository(checkout, given);
  const { root } = repository;
  const environment = await withoutForeignSettings(root, given);
  const git = (...words: string[]): Promise<GitRun> => runGit(root, words, environment);
  const ref = await fullName(question.ref, repository, git);
  const commit = await repository.commitOf(ref);
  const configured = await git("config", "--get", "remote.origin.url");
  const origin = configured.code === 0 ? withoutPassword(configured.stdout.trim()) : undefined;
  if (ref.startsWith("refs/tags/")) return { ref, commit, changes: [], root, origin };
  const before =
    question.before === undefined
      ? await repository.firstParent(commit)
      : await repository.commitOf(question.before);
  const changes = await changedPaths(before, commit, root, git);
  return { ref, commit, before, changes, root, origin };
}

export type Git = (...words: string[]) => Promise<GitRun>;

async function fullName(name: string | undefined, repository: GitRepository, git: Git): Promise<string> {
  if (name === undefined) {
    const { code, stdout } = await git("symbolic-ref", "--quiet", "HEAD");
    if (code === 0) return stdout.trim();
    throw new GitError("unknown-revision", "no branch is checked out, so nobody knows which one is meant", {
      where: repository.root,
      hint: "name it with --ref",
    });
  }
  if (/^refs\/(?:heads|tags)\/./.test(name)) return name;
  const found: string[] = [];
  for (const ref of [`refs/heads/${name}`, `refs/tags/${name}`]) {
    if ((await git("show-ref", "--verify", "--quiet", "--", ref)).code === 0) found.push(ref);
  }
  const [only, other] = found;
  if (other !== undefined) {
    throw new GitError("unknown-revision", `${name} is a branch as well as a tag`, {
      where: repository.root,
      hint: `name it in full: ${found.join(" or ")}`,
    });
  }
  if (only !== undefined) return only;
  // When it is no commit either, this says what is near to it.
  await repository.commitOf(name);
  throw new GitError("unknown-revision", `${name} is no branch and no tag here, and only those are pushed`, {
    where: repository.root,
    hint: "git branch, or git tag, gives a commit a name",
  });
}

/**
 * Paths that the commits up to `after` have changed which `before` has not, each once, sorted; of a merge, what it has brought into
 * the branch. Configuration of the user changes nothing.
 */
export async function changedPaths(
  before: CommitHash | readonly CommitHash[] | undefined,
  after: CommitHash,
  root: string,
  git: Git,
): Promise<readonly string[]> {
  const known = before === undefined ? [] : [before].flat();
  const log = git(
    ...["-c", "log.showRoot=true", "log", "--no-show-signature", "--format=", "--name-only", "-z"],
    ...["--no-renames", "--diff-merges=first-parent", "--no-ext-diff", "--no-textconv", "--no-relative"],
    ...["--ignore-submodules=none", after, ...known.map((commit) => `^${commit}`), "--"],
  );
  return pathsIn(await gitOutput(root, log));
}

/** Paths that Git has written with a zero byte behind each, each once, sorted. */
export function pathsIn(text: string): readonly string[] {
  return [...new Set(text.split("\0").filter((path) => path !== ""))].sort();
}

/**
 * Checks a push's commit out into a clone of its own, with all tags: neither what else is in the working tree nor what is
 * done to the files there has to do with the other. Submodules stay empty.
 * @throws {GitError} `git-failed`.
 */
export async function checkoutPush(
  push: Push,
  environment: PushQuestion["environment"] = process.env,
): Promise<TemporaryFiles> {
  const attempt = (at: string, ...words: string[]): Promise<string> =>
    gitOutput(push.root, runGit(at, words, environment, "folders"));
  return inTemporaryFolder("waybill-push", async ({ folder, close }) => {
    const clone = ["clone", "--quiet", "--no-checkout", "--template=", "--", push.root, folder];
    await attempt(dirname(folder), ...clone);
    await attempt(folder, "checkout", "--quiet", "--detach", push.commit);
    if (push.origin === undefined) await attempt(folder, "remote", "remove", "origin");
    else await attempt(folder, "config", "remote.origin.url", push.origin);
    return { folder, close };
  });
}
