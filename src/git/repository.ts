import { stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { closest, distance } from "fastest-levenshtein";
import { type CommitFiles, openCommitFiles } from "./commit-files.ts";
import { GitError } from "./errors.ts";
import { withoutForeignSettings } from "./foreign-settings.ts";
import { complaint, type GitRun, gitOutput, runGit } from "./program.ts";

declare const commitBrand: unique symbol;

/** The full hash of a commit that the repository has: never an option, never ambiguous. */
export type CommitHash = string & { readonly [commitBrand]: true };

/** A repository with a working tree, read by the `git` in `PATH`. Methods throw {@link GitError}. */
export interface GitRepository {
  /** The top folder of the working tree: absolute, symbolic links resolved. */
  readonly root: string;
  /** Where the path it was opened by is, from the top: with slashes, empty for the top itself. */
  readonly prefix: string;
  /**
   * The commit that a revision names (gitrevisions(7)).
   * @throws {GitError} `unknown-revision` with the nearest name, `shallow-clone` when it may not have been fetched, `git-failed`
   * when the repository lacks what one of its own names stands for.
   */
  commitOf(revision: string): Promise<CommitHash>;
  /**
   * What a commit was made on, for a merge the branch that was merged into; `undefined` for the first of a history.
   * @throws {GitError} `shallow-clone` when the parent was not fetched.
   */
  firstParent(commit: CommitHash): Promise<CommitHash | undefined>;
  /**
   * The best common ancestor of two commits.
   * @throws {GitError} `unknown-revision` when they have none, `shallow-clone` when it may not have been fetched.
   */
  mergeBase(one: CommitHash, other: CommitHash): Promise<CommitHash>;
  /**
   * The oldest commit that `HEAD` has got since a date, counted along first parents: of a merge, when it was merged.
   * @param date as `git log --since` takes it: `14.days`, `2026-05-01`.
   * @returns `undefined` when there is none.
   * @throws {GitError} `unknown-date` when it is no date, or none in the past: Git takes what it does not understand for
   * this moment.
   */
  oldestSince(date: string): Promise<CommitHash | undefined>;
  /** The files of a commit; to be closed. */
  filesAt(commit: CommitHash): CommitFiles;
}

/**
 * The repository that a file or folder is in, or would be in if it were on disk.
 * @throws {GitError} `not-a-repository`, `git-missing`, or `git-failed` with what Git says.
 */
export async function openGitRepository(
  path: string,
  given: NodeJS.ProcessEnv = process.env,
): Promise<GitRepository> {
  const absolute = resolve(path);
  const folder = await folderAbove(absolute);
  const environment = await withoutForeignSettings(folder, given);
  const found = await runGit(folder, ["rev-parse", "--show-toplevel", "--show-prefix"], environment);
  if (found.code !== 0) throw notOpened(found, path);
  const [root = "", below = ""] = found.stdout.split("\n");
  const name = folder === absolute ? "" : absolute.slice(join(folder, "/").length).split(sep).join("/");
  return repositoryAt(root, `${below}${name}`.replace(/\/$/, ""), environment);
}

/** The path itself or the nearest folder above it that is there: what a commit holds need not be on disk. */
async function folderAbove(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder || dirname(path) === path ? path : folderAbove(dirname(path));
}

function notOpened({ stderr }: GitRun, path: string): GitError {
  if (/not a git repository/i.test(stderr)) {
    return new GitError(
      "not-a-repository",
      "it is in no Git repository, so nobody knows what changed there",
      { where: path, hint: "name a folder of a checkout, or leave the option out" },
    );
  }
  const trust = /safe\.directory (\S+)/.exec(stderr)?.[1];
  return new GitError("git-failed", complaint(stderr), {
    where: path,
    hint:
      trust === undefined
        ? undefined
        : `if you trust whoever owns it: git config --global --add safe.directory ${trust}`,
  });
}

function repositoryAt(root: string, prefix: string, environment: NodeJS.ProcessEnv): GitRepository {
  const git = (...words: string[]): Promise<GitRun> => runGit(root, words, environment);

  const hashOf = async (object: string): Promise<string | undefined> => {
    const { code, stdout } = await git("rev-parse", "--verify", "--quiet", "--end-of-options", object);
    const hash = stdout.trim();
    return code === 0 && /^[0-9a-f]{40,64}$/.test(hash) ? hash : undefined;
  };

  const find = async (revision: string): Promise<CommitHash | undefined> => {
    if (revision === "" || /\p{Cc}/u.test(revision)) return undefined;
    // In two steps, because whatever stands behind the text of ":/text" belongs to it.
    const hash = await hashOf(revision);
    return hash === undefined ? undefined : ((await hashOf(`${hash}^{commit}`)) as CommitHash | undefined);
  };

  /** Why a name that the repository has leads to nothing there. A hash that somebody gives is no such name. */
  const damaged = async (revision: string): Promise<GitError | undefined> => {
    const hash = /\p{Cc}/u.test(revision) ? undefined : await hashOf(revision);
    if (hash === undefined || hash === revision.toLowerCase()) return undefined;
    if ((await git("cat-file", "-e", hash)).code === 0) return undefined;
    return new GitError("git-failed", `the repository is damaged or incomplete: it lacks ${hash}`, {
      where: root,
      hint: "git fsck says what is missing; go on with a fresh clone",
    });
  };

  const isShallow = async (): Promise<boolean> =>
    (await git("rev-parse", "--is-shallow-repository")).stdout.trim() === "true";

  const unfetched = (what: string, fetch: string): GitError =>
    new GitError("shallow-clone", `${what} is not in this clone, which holds a part of the history`, {
      where: root,
      hint: `fetch it: ${fetch}, or git fetch --unshallow for all of it`,
    });

  const unknown = async (revision: string): Promise<GitError> => {
    const shown = JSON.stringify(revision.slice(0, 200));
    if (revision.includes("..")) {
      return new GitError("unknown-revision", `${shown} is a range, not a commit`, {
        where: root,
        hint: "name its older end; the newer one is what is on disk",
      });
    }
    const name = /^[^~^@:]+/.exec(revision)?.[0] ?? "";
    const isHash = /^[0-9a-f]{40,64}$/.test(revision);
    const nameIsKnown = name !== revision && (await find(name)) !== undefined;
    const refs = await git("for-each-ref", "--count=5000", "--format=%(refname:short)");
    const suggestion = nameIsKnown ? undefined : nearestRevision(name, refs.stdout.split("\n"));
    if (suggestion === undefined && (await isShallow())) {
      return unfetched(shown, isHash ? `git fetch --depth=1 origin ${revision}` : "git fetch --deepen=100");
    }
    return new GitError("unknown-revision", `Git knows no commit ${shown}`, {
      where: root,
      hint: nameIsKnown
        ? `it knows ${name}, but no commit that far from it`
        : suggestion === undefined
          ? "git log and git branch --all show what there is"
          : `did you mean ${suggestion}?`,
    });
  };

  const repository: GitRepository = {
    root,
    prefix,
    async commitOf(revision) {
      const commit = await find(revision);
      if (commit === undefined) throw (await damaged(revision)) ?? (await unknown(revision));
      return commit;
    },
    async firstParent(commit) {
      // The commit itself says it, also where a shallow clone has cut its history off.
      const text = await gitOutput(root, git("cat-file", "commit", commit));
      const parent = /^tree [0-9a-f]+\nparent ([0-9a-f]+)\n/.exec(text)?.[1];
      if (parent === undefined) return undefined;
      const found = await find(parent);
      if (found === undefined) throw unfetched(`the parent of ${commit}`, "git fetch --deepen=1");
      return found;
    },
    async mergeBase(one, other) {
      const { code, stdout } = await git("merge-base", one, other);
      if (code === 0) return repository.commitOf(stdout.trim());
      const what = `common ancestor of ${one} and ${other}`;
      if (await isShallow()) throw unfetched(`a ${what}`, "git fetch --deepen=100");
      throw new GitError("unknown-revision", `there is no ${what}`, { where: root });
    },
    async oldestSince(date) {
      const asked = Math.floor(Date.now() / 1000);
      const parsed = /\p{Cc}/u.test(date) ? undefined : await git("rev-parse", `--since=${date}`);
      const limit = /^--max-age=([0-9]{1,15})\n$/.exec(parsed?.stdout ?? "")?.[1];
      if (limit === undefined || Number(limit) >= asked) {
        const shown = JSON.stringify(date.slice(0, 80));
        throw new GitError("unknown-date", `${shown} is no date, or none in the past`, {
          where: root,
          hint: "such as 14.days, or 2026-05-01",
        });
      }
      const head = await repository.commitOf("HEAD");
      const counting = git("rev-list", "--first-parent", "--count", `--max-age=${limit}`, head);
      const commits = Number(await gitOutput(root, counting));
      return commits === 0 ? undefined : repository.commitOf(`${head}~${commits - 1}`);
    },
    filesAt: (commit) => openCommitFiles(root, commit, environment),
  };
  return repository;
}

/** The branch or tag that was most likely meant: of a remote (`origin/main` for `main`), or a slip of the pen away. */
function nearestRevision(name: string, refs: readonly string[]): string | undefined {
  const known = refs.filter((ref) => ref !== "");
  const remote = known.find((ref) => name !== "" && ref.endsWith(`/${name}`));
  if (remote !== undefined || known.length === 0) return remote;
  const nearest = closest(name, known);
  const slips = Math.max(Math.min(2, name.length - 2), Math.floor(name.length / 4));
  return distance(name, nearest) <= slips ? nearest : undefined;
}
