import { lstat, realpath } from "node:fs/promises";
import { join } from "node:path";
import { GitError } from "./errors.ts";
import { withoutForeignSettings } from "./foreign-settings.ts";
import { withoutPassword } from "./password.ts";
import { complaint, type GitRun, runGit } from "./program.ts";
import { type CommitHash, openGitRepository } from "./repository.ts";

/** The working tree that a folder is in, as a build names what it makes of it. */
export interface DescribedCheckout {
  /** The top folder of the working tree, absolute. */
  readonly root: string;
  /** From the top to the folder: with slashes, empty for the top itself. */
  readonly path: string;
  readonly commit: CommitHash;
  readonly committedAt: Date;
  /** What `git describe --tags --always --dirty` says in the folder. */
  readonly describe: string;
  /** A file that Git knows is not as it was committed; files that it does not know do not count. */
  readonly isDirty: boolean;
  /** The URL of the remote `origin`, without user and password. */
  readonly origin?: string | undefined;
  readonly branch?: string | undefined;
  /** The tag that stands on the commit; of several the one that `git describe` names. */
  readonly tag?: string | undefined;
}

/** Where a path of a checkout is for others. */
export interface RemotePlace {
  /** The address of the remote that the branch comes from, else of `origin`, else of the only one. */
  readonly remote: string | undefined;
  /** The names of all remotes. */
  readonly remotes: readonly string[];
  /** From the top of the repository, with slashes. */
  readonly path: string;
  /** Below the path, something is not as it was committed, or is new. */
  readonly isEdited: boolean;
}

/**
 * Finds out where a path of a checkout is for others.
 * @throws {GitError} as {@link openGitRepository}.
 */
export async function placeInRemote(
  path: string,
  given: NodeJS.ProcessEnv = process.env,
): Promise<RemotePlace> {
  const { root, prefix } = await openGitRepository(path, given);
  const environment = await withoutForeignSettings(root, given);
  const git = (...words: string[]): Promise<GitRun> => runGit(root, words, environment);
  const branch = await git("symbolic-ref", "--quiet", "--short", "HEAD");
  const named = await git("config", "--get", `branch.${branch.stdout.trim()}.remote`);
  const remotes = linesOf(await git("remote"));
  const chosen = [named.stdout.trim(), "origin"].find((name) => remotes.includes(name));
  const only = remotes.length === 1 ? remotes[0] : undefined;
  const { code, stdout } = await git("remote", "get-url", chosen ?? only ?? "origin");
  const changes = await git("status", "--porcelain", "--ignore-submodules=all", "--", prefix || ".");
  return {
    remote: code === 0 ? stdout.trim() : undefined,
    ...{ remotes, path: prefix },
    isEdited: linesOf(changes).length > 0,
  };
}

function linesOf({ stdout }: GitRun): readonly string[] {
  return stdout.split("\n").filter((line) => line !== "");
}

/**
 * Describes the checkout that a folder is in.
 * @param options.match A glob: tags that `git describe` may choose.
 * @throws {GitError} as {@link openGitRepository}, `unknown-revision` for a repository without a commit, and `git-failed` for one
 *   that lacks objects of the commit it is at.
 */
export async function describeCheckout(
  folder: string,
  options: { readonly match?: string | undefined } = {},
  given: NodeJS.ProcessEnv = process.env,
): Promise<DescribedCheckout> {
  const { root, prefix } = await openGitRepository(folder, given);
  const environment = await withoutForeignSettings(root, given);
  const match = options.match === undefined ? [] : [`--match=${options.match}`];
  const [described, shown, origin, head, exact] = await Promise.all([
    runGit(folder, ["describe", "--tags", "--always", ...match], environment),
    runGit(folder, ["show", "--no-patch", "--no-show-signature", "--format=%H %ct", "HEAD"], environment),
    runGit(folder, ["config", "--get", "remote.origin.url"], environment),
    runGit(folder, ["symbolic-ref", "--quiet", "HEAD"], environment),
    runGit(folder, ["describe", "--tags", "--exact-match", ...match], environment),
  ]);
  const [, commit, seconds] = /^([0-9a-f]{40,64}) ([0-9]+)$/m.exec(shown.stdout) ?? [];
  const name = described.stdout.trim();
  if (commit === undefined || seconds === undefined || described.code !== 0 || name === "") {
    throw await notDescribed(folder, shown.code === 0 ? described : shown, environment);
  }
  const isDirty = await differs(root, given);
  const url = withoutPassword(origin.stdout.trim());
  const branch = /^refs\/heads\/(.+)$/m.exec(head.stdout)?.[1];
  const tag = exact.code === 0 ? exact.stdout.trim() : "";
  return {
    root,
    path: prefix,
    commit: commit as CommitHash,
    committedAt: new Date(Number(seconds) * 1000),
    describe: isDirty ? `${name}-dirty` : name,
    isDirty,
    origin: url || undefined,
    branch,
    tag: tag || undefined,
  };
}

/** A repository that has no commit yet, or one that names a commit and does not have all of it. */
async function notDescribed(
  folder: string,
  failed: GitRun,
  environment: NodeJS.ProcessEnv,
): Promise<GitError> {
  const head = await runGit(folder, ["rev-parse", "--verify", "--quiet", "HEAD"], environment);
  const reason = complaint(failed.stderr);
  if (head.code !== 0) {
    return new GitError("unknown-revision", `there is no commit to describe: ${reason}`, {
      where: folder,
      hint: "commit what is to be built",
    });
  }
  const message = `the repository is damaged or incomplete, and the commit ${head.stdout.trim()} cannot be read: ${reason}`;
  return new GitError("git-failed", message, {
    where: folder,
    hint: "git fsck says what is missing; build from a fresh clone",
  });
}

/**
 * Whether a file that Git knows differs from what is committed, also in a submodule. `git describe --dirty` would say so, but
 * for submodules it starts Git again, and what these have configured would be run.
 */
async function differs(root: string, given: NodeJS.ProcessEnv, depth = 0): Promise<boolean> {
  const environment = await withoutForeignSettings(root, given);
  const compare = ["diff", "--quiet", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty"];
  const { code, stderr } = await runGit(root, [...compare, "HEAD", "--"], environment);
  if (code === 1) return true;
  if (code !== 0) throw new GitError("git-failed", complaint(stderr), { where: root });
  for (const path of await submodulesOf(root, environment)) {
    if (depth < deepestSubmodule && (await differs(join(root, path), given, depth + 1))) return true;
  }
  return false;
}

/** Submodules of submodules that are looked at. */
const deepestSubmodule = 8;

/** The folders of submodules that are checked out, from the top. */
async function submodulesOf(root: string, environment: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const words = ["config", "--null", "--file", ".gitmodules", "--no-includes"];
  const asked = [...words, "--get-regexp", "^submodule\\..*\\.path$"];
  const { code, stdout } = await runGit(root, asked, environment);
  if (code !== 0) return [];
  const paths = stdout
    .split("\0")
    .flatMap((entry) => (entry === "" ? [] : entry.slice(entry.indexOf("\n") + 1)));
  const found: string[] = [];
  for (const path of paths) {
    const folder = join(root, path);
    const top = await realpath(folder).catch(() => undefined);
    if (top === folder && (await isCheckedOut(folder))) found.push(path);
  }
  return found;
}

/** A folder that is no checkout of its own would be taken for a part of the one above. */
async function isCheckedOut(folder: string): Promise<boolean> {
  return lstat(join(folder, ".git")).then(
    (found) => found.isFile() || found.isDirectory(),
    () => false,
  );
}
