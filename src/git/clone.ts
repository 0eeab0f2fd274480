import { dirname } from "node:path";
import { initBeside, inTemporaryFolder, type TemporaryFiles } from "./beside.ts";
import { type GitCredential, withCredential } from "./credential.ts";
import { GitError } from "./errors.ts";
import { withoutPassword } from "./password.ts";
import { complaint, type GitRun, gitOutput, runGit } from "./program.ts";
import { lacksHistory, notPushed } from "./push-refusal.ts";
import { type CommitHash, openGitRepository } from "./repository.ts";

/** What a clone is made of. */
export interface CloneOptions {
  /** URL or path of the repository that the change is for. */
  readonly upstream: string;
  readonly branch: string;
  /**
   * A checkout of the same repository. It is only read: its objects are used, so that less has to be fetched, and who
   * commits is whom it names. Nothing else that is configured there counts.
   */
  readonly checkout?: string | undefined;
  /** A path in a checkout that says who commits, where no {@link checkout} is used. */
  readonly committer?: string | undefined;
  readonly credentials?: readonly GitCredential[];
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/** A commit to be made. */
export interface CommitRequest {
  /** The files that have changed, from the top of the repository. Nothing else is committed. */
  readonly files: readonly string[];
  readonly message: string;
  /** Add `Signed-off-by` with the name that Git is configured with. */
  readonly signOff: boolean;
  /** Sign it; when it is left out, Git's configuration says whether. */
  readonly sign?: boolean | undefined;
}

/** A branch of another repository. */
export interface RemoteBranch {
  readonly url: string;
  readonly branch: string;
}

/** The newest commit of a branch. */
export interface Tip {
  readonly commit: CommitHash;
  readonly message: string;
  /** The commit that it was made on, which may not have been fetched; for a merge the first one. */
  readonly parent?: string | undefined;
}

/**
 * Files of the newest commit of a branch, in a temporary folder, to be changed, committed and pushed. Methods throw
 * {@link GitError}.
 */
export interface Clone extends TemporaryFiles {
  readonly base: CommitHash;
  /** @returns The new commit, on top of {@link base}. @throws {GitError} `no-identity` when Git does not know who commits. */
  commit(request: CommitRequest): Promise<CommitHash>;
  /** The newest commit of a remote branch; `undefined` when there is no such branch. */
  tipOf(remote: RemoteBranch): Promise<Tip | undefined>;
  /**
   * A commit with the files of one and the message, people and dates of another, on top of {@link base}: the same each time, as long
   * as the base is.
   */
  likeness(files: CommitHash, of: CommitHash): Promise<CommitHash>;
  /** A file as a tip of {@link tipOf} has it, or its parent; `undefined` where there is none. */
  textAt(commit: string, file: string): Promise<string | undefined>;
  /** Whether all of the files are the same in two commits. */
  areEqual(one: CommitHash, other: CommitHash, files: readonly string[]): Promise<boolean>;
  /**
   * Makes a remote branch stand at a commit. Where the other side lacks what the commit was made on, more of the history is
   * fetched first.
   * @param expected Where it stands now as far as is known; `undefined` when it must not exist.
   * @throws {GitError} `push-refused`: somebody else was faster, the branch is protected, or the token may not push.
   */
  push(commit: CommitHash, remote: RemoteBranch, expected: string | undefined): Promise<void>;
}

/**
 * Fetches the newest commit of a branch, and nothing of its history, and checks it out in a folder of its own.
 * @throws {GitError} `unreachable` when the repository or the branch cannot be fetched.
 */
export async function openClone(options: CloneOptions): Promise<Clone> {
  const { upstream, branch, checkout, committer, credentials = [] } = options;
  let environment = options.environment ?? process.env;
  for (const credential of credentials) environment = await withCredential(environment, credential);
  return inTemporaryFolder("waybill-pr", async ({ folder, close }) => {
    const remote = { url: upstream, branch };
    if (checkout === undefined) await cloneNewest(folder, remote, environment);
    else await checkOutBeside(checkout, folder, remote, environment);
    const named = checkout ?? committer;
    if (named !== undefined) await takeCommitter(named, folder, environment);
    return cloneAt(folder, remote, environment, close);
  });
}

/** Checks the newest commit out in a repository of its own, which finds in the checkout what that has already. */
async function checkOutBeside(
  checkout: string,
  folder: string,
  remote: RemoteBranch,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const root = await initBeside(checkout, folder, environment);
  const attempt = (...words: string[]): Promise<string> =>
    gitOutput(root, runGit(folder, words, environment));
  const commit = await tipOf(folder, remote, environment);
  if (commit === undefined) throw noBranch(remote);
  await fetchBranch(folder, remote, environment, ["--no-tags", "--depth=1"]);
  await attempt("checkout", "--quiet", "--detach", commit);
}

/** Takes from a checkout's own configuration who commits there, in words that name no program. */
async function takeCommitter(
  checkout: string,
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const { root } = await openGitRepository(checkout, environment);
  for (const key of ["user.name", "user.email", "user.signingkey", "commit.gpgsign", "gpg.format"]) {
    const { code, stdout } = await runGit(root, ["config", "--null", "--get", key], environment);
    if (code !== 0) continue;
    const words = ["config", key, stdout.replace(/\0$/, "")];
    await gitOutput(root, runGit(folder, words, environment));
  }
}

async function cloneNewest(
  folder: string,
  { url, branch }: RemoteBranch,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const words = ["clone", "--quiet", "--depth=1", "--single-branch", "--no-tags", `--branch=${branch}`];
  const cloned = await runGit(dirname(folder), [...words, "--", url, folder], environment, "hosts");
  if (cloned.code !== 0) throw notFetched(cloned, { url, branch });
}

async function fetchBranch(
  folder: string,
  { url, branch }: RemoteBranch,
  environment: NodeJS.ProcessEnv,
  options: readonly string[],
): Promise<void> {
  const words = ["fetch", "--quiet", ...options, "--no-write-fetch-head", "--", url, `refs/heads/${branch}`];
  const fetched = await runGit(folder, words, environment, "hosts");
  if (fetched.code !== 0) throw notFetched(fetched, { url, branch });
}

async function tipOf(
  folder: string,
  { url, branch }: RemoteBranch,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const ref = `refs/heads/${branch}`;
  const listed = await runGit(folder, ["ls-remote", "--", url, ref], environment, "hosts");
  if (listed.code !== 0) throw notFetched(listed, { url, branch });
  return /^([0-9a-f]{40,64})\t/.exec(listed.stdout)?.[1];
}

const maxFileBytes = 64 * 1024 * 1024;

/**
 * What is fetched of the base's history when a push needs it: to a repository that lacks the base itself, such as a fork
 * that is behind, nothing can be pushed but on top of what it has.
 */
const furtherHistory = ["--deepen=200", "--unshallow"];

async function cloneAt(
  folder: string,
  upstream: RemoteBranch,
  environment: NodeJS.ProcessEnv,
  close: () => Promise<void>,
): Promise<Clone> {
  const git = (...words: string[]): Promise<GitRun> => runGit(folder, words, environment);
  const answer = async (...words: string[]): Promise<string> =>
    (await gitOutput(folder, git(...words))).trim();
  const base = (await answer("rev-parse", "--verify", "HEAD^{commit}")) as CommitHash;

  return {
    folder,
    base,
    close,
    async commit({ files, message, signOff, sign }) {
      await answer("add", "--", ...files);
      const signing = sign === undefined ? [] : [sign ? "--gpg-sign" : "--no-gpg-sign"];
      const options = [...(signOff ? ["--signoff"] : []), ...signing];
      const words = ["commit", "--quiet", "--no-verify", ...options, "--message", message];
      // The user's own program may sign.
      const { code, stderr } = await runGit(folder, [...words, "--", ...files], environment, "hosts");
      if (code !== 0) throw notCommitted(stderr);
      return (await answer("rev-parse", "HEAD")) as CommitHash;
    },
    async tipOf(remote) {
      const commit = await tipOf(folder, remote, environment);
      if (commit === undefined) return undefined;
      await fetchBranch(folder, remote, environment, ["--no-tags", "--depth=2"]);
      // The commit itself names its parent, also where a shallow clone has cut its history off.
      const text = await answer("cat-file", "commit", commit);
      const parent = /^tree [0-9a-f]+\nparent ([0-9a-f]+)\n/.exec(text)?.[1];
      const message = text.slice(text.indexOf("\n\n") + 2);
      return { commit: commit as CommitHash, message, parent };
    },
    async likeness(files, of) {
      const format = ["%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B"].join("%x00");
      const shown = await answer("show", "--no-patch", `--format=${format}`, of);
      const [name, email, date, committer, committerEmail, committerDate, message = ""] = shown.split("\0");
      const whose = {
        ...{ GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_AUTHOR_DATE: date },
        ...{ GIT_COMMITTER_NAME: committer, GIT_COMMITTER_EMAIL: committerEmail },
        ...{ GIT_COMMITTER_DATE: committerDate },
      };
      const words = ["commit-tree", "--no-gpg-sign", "-p", base, "-m", message, `${files}^{tree}`];
      const made = await gitOutput(folder, runGit(folder, words, { ...environment, ...whose }));
      return made.trim() as CommitHash;
    },
    async textAt(commit, file) {
      const words = ["cat-file", "blob", `${commit}:${file}`];
      const { code, stdout } = await runGit(folder, words, environment, "here", {
        maxOutputBytes: maxFileBytes,
      });
      return code === 0 ? stdout : undefined;
    },
    async areEqual(one, other, files) {
      const words = ["diff", "--quiet", "--no-ext-diff", "--no-textconv", one, other];
      return (await git(...words, "--", ...files)).code === 0;
    },
    async push(commit, { url, branch }, expected) {
      const ref = `refs/heads/${branch}`;
      const lease = `--force-with-lease=${ref}:${expected ?? ""}`;
      const words = ["push", "--quiet", "--porcelain", lease, "--", url, `${commit}:${ref}`];
      const attempt = (): Promise<GitRun> => runGit(folder, words, environment, "hosts");
      let pushed = await attempt();
      for (const more of furtherHistory) {
        if (pushed.code === 0 || !lacksHistory(pushed)) break;
        await fetchBranch(folder, upstream, environment, ["--no-tags", more]);
        pushed = await attempt();
      }
      if (pushed.code !== 0) throw notPushed(pushed, { url, branch });
    },
  };
}

function notCommitted(stderr: string): GitError {
  if (/Please tell me who you are|empty ident|user\.email/i.test(stderr)) {
    return new GitError("no-identity", "Git does not know who commits", {
      hint: 'git config --global user.name "…" and user.email "…", or GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL',
    });
  }
  if (/gpg|sign/i.test(stderr)) {
    return new GitError("git-failed", `the commit could not be signed: ${complaint(stderr)}`, {
      hint: "git config user.signingkey says with which key; without --sign it is not signed",
    });
  }
  return new GitError("git-failed", complaint(stderr));
}

function noBranch({ url, branch }: RemoteBranch): GitError {
  const where = withoutPassword(url);
  return new GitError("unreachable", `there is no branch ${branch}`, { where, hint: "name it with --base" });
}

function notFetched({ stderr }: GitRun, { url, branch }: RemoteBranch): GitError {
  if (/Remote branch .* not found|couldn't find remote ref/i.test(stderr)) return noBranch({ url, branch });
  const where = withoutPassword(url);
  return new GitError("unreachable", `the repository could not be read: ${complaint(stderr)}`, {
    where,
    hint: "does it exist, and may the token, or the key of the SSH agent, read it?",
  });
}
