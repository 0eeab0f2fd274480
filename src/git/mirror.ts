import { createHash } from "node:crypto";
import { join } from "node:path";
import { holdingLock, makeFolder } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { type GitCredential, withCredential } from "./credential.ts";
import { GitError } from "./errors.ts";
import { withoutPassword } from "./password.ts";
import { complaint, type GitRun, gitOutput, runGit } from "./program.ts";
import { type CommitHash, type GitRepository, openGitRepository } from "./repository.ts";

/** Which remote is mirrored, and where. */
export interface MirrorOptions {
  /** Folder of all mirrors, absolute; each has a folder of its own there. */
  readonly folder: string;
  /** URL or path of the remote. */
  readonly url: string;
  readonly credential?: GitCredential | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/**
 * A repository of Waybill's own that has the branches and tags of a remote under the same names, with their whole history, and no
 * files on disk. Any number of processes may use the same one. Methods throw {@link GitError}.
 */
export interface Mirror {
  /** The top of its working tree, which is empty: absolute. */
  readonly folder: string;
  /** The remote, without a password. */
  readonly url: string;
  /** Makes branches and tags those that the remote has now. @throws {GitError} `unreachable`. */
  fetch(): Promise<void>;
  /** The branch that the remote itself names: `refs/heads/main`. @throws {GitError} `unreachable`, `unknown-revision`. */
  defaultBranch(): Promise<string>;
  /**
   * Makes sure that it has a commit, by its full hash, of the first of some repositories that gives it.
   * @returns Whether it has it now.
   */
  bring(commit: string, urls: readonly string[]): Promise<boolean>;
  /** What it has now. */
  open(): Promise<GitRepository>;
  /** The commit that a branch or tag stands at, by its full name. @throws {GitError} `unknown-revision`. */
  commitOf(ref: string): Promise<CommitHash>;
}

/** Processes on other machines may use the folder: a fetch of a large repository takes a while. */
const patienceMilliseconds = 60_000;
const maxWaitMilliseconds = 60 * 60_000;

/** Opens the mirror of a remote; it is made when it is not there, and empty until it is fetched. @throws {GitError} */
export async function openMirror({
  folder: above,
  url,
  credential,
  environment: given = process.env,
}: MirrorOptions): Promise<Mirror> {
  const shown = withoutPassword(url);
  const folder = join(above, nameOf(shown));
  const environment = withCredential(given, credential);
  const lock = `${folder}.lock`;
  const locked = <Result>(work: () => Promise<Result>): Promise<Result> =>
    holdingLock(lock, work, { failure: unavailable, patienceMilliseconds, maxWaitMilliseconds });
  const git = (...words: string[]): Promise<GitRun> => runGit(folder, words, environment, "hosts");
  const open = (): Promise<GitRepository> => openGitRepository(folder, given);

  await makeFolder(folder).catch((error: unknown) => {
    throw unavailable(error, folder);
  });
  await locked(async () => {
    const known = await runGit(folder, ["config", "--local", "--get", "remote.origin.url"], environment);
    if (known.code === 0) return;
    // No remote has a branch of this name, as a rule; if one has, nothing is checked out all the same.
    const init = runGit(
      folder,
      ["init", "--quiet", "--template=", "--initial-branch=no-branch"],
      environment,
    );
    await gitOutput(folder, init);
    await gitOutput(folder, runGit(folder, ["config", "gc.autoDetach", "false"], environment));
    await gitOutput(folder, runGit(folder, ["config", "remote.origin.url", shown], environment));
  });

  const refs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
  const how = ["--quiet", "--no-write-fetch-head", "--no-recurse-submodules", "--update-head-ok"];
  return {
    folder,
    url: shown,
    open,
    async fetch() {
      const fetched = await locked(() => git("fetch", ...how, "--prune", "--force", "--", url, ...refs));
      if (fetched.code !== 0) throw notReached(fetched, shown);
    },
    async defaultBranch() {
      const listed = await git("ls-remote", "--symref", "--", url, "HEAD");
      if (listed.code !== 0) throw notReached(listed, shown);
      const branch = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(listed.stdout)?.[1];
      if (branch !== undefined) return branch;
      throw new GitError("unknown-revision", "the remote names no default branch", {
        where: shown,
        hint: "name the branch in the job",
      });
    },
    async bring(commit, urls) {
      if (!/^[0-9a-f]{40,64}$/.test(commit)) return false;
      const isThere = async (): Promise<boolean> =>
        (await runGit(folder, ["cat-file", "-e", `${commit}^{commit}`], environment)).code === 0;
      for (const from of urls) {
        if (await isThere()) return true;
        await locked(() => git("fetch", ...how, "--no-tags", "--", from, commit));
      }
      return isThere();
    },
    commitOf: async (ref) => (await open()).commitOf(ref),
  };
}

/** Any URL as a folder's name, which no other has. */
function nameOf(url: string): string {
  const hash = createHash("sha256").update(url).digest("hex").slice(0, 16);
  const words = url.replace(/^[a-z+]+:\/\//i, "").replace(/[^A-Za-z0-9._-]+/g, "-");
  return `${words.slice(-60).replace(/^[.-]+/, "")}-${hash}`;
}

function unavailable(error: unknown, where: string): GitError {
  return new GitError("git-failed", `the mirror cannot be used: ${messageOf(error)}`, {
    where,
    hint: "look at the rights of the data folder, and whether its disk is full",
    cause: error,
  });
}

function notReached({ stderr }: GitRun, where: string): GitError {
  return new GitError("unreachable", `the repository could not be read: ${complaint(stderr)}`, {
    where,
    hint: "does it exist, and may the token, or the key of the SSH agent, read it?",
  });
}
