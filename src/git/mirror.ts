import { createHash } from "node:crypto";
import { rename, stat, utimes } from "node:fs/promises";
import { basename, join } from "node:path";
import { holdingLock, ifPresent, makeFolder, markedName, removeTree, sweep } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { CatFile } from "./cat-file.ts";
import { withCredential } from "./credential.ts";
import { GitError } from "./errors.ts";
import { bytesOf, lackOfRoom, removeParts, removeStaleLocks } from "./mirror-room.ts";
import { withoutPassword } from "./password.ts";
import { complaint, type GitLimits, type GitRun, gitOutput, OutputLimitError, runGit } from "./program.ts";
import { changedPaths, pathsIn } from "./push.ts";
import {
  impatient,
  listingLimits,
  listRemote,
  nowhere,
  type RemoteOptions,
  unled,
  unreadable,
} from "./remote-refs.ts";
import { type CommitHash, type GitRepository, openGitRepository } from "./repository.ts";

/** A commit that is wanted, and the branch or tag that has to stand at it, where that matters. */
export interface WantedCommit {
  readonly commit: string;
  /** In full; without it the commit alone is looked for. */
  readonly ref?: string | undefined;
}

/** What a ref got by a push, as Git has it. */
export interface Got {
  /**
   * Paths that commits of the push have changed, each once, sorted; where history was taken back, also those in which both ends
   * differ. `undefined` when nobody can tell: the old end is gone everywhere, or there are too many.
   */
  readonly changes: readonly string[] | undefined;
  /** Whether the old end is no ancestor of the new one; `undefined` when nobody can tell, or there is no old end. */
  readonly forced: boolean | undefined;
}

/**
 * What this machine knows of a remote: all branches and tags, with their history. It is fetched once for all who need it, by
 * however many processes. What a push has taken away stays for two weeks. Nothing that a repository brings is run. Methods throw
 * {@link GitError}: `unreachable` when the remote cannot be read, `too-many-refs`, `mirror-too-large`, `disk-full`, `git-failed`.
 */
export interface Mirror {
  /** The top of its working tree, in which there are no files: absolute. There once something was fetched. */
  readonly folder: string;
  /** The remote, without a password. */
  readonly url: string;
  /** Makes branches and tags those that the remote has now. */
  fetch(): Promise<void>;
  /** The branch that the remote itself names: `refs/heads/main`. @throws {GitError} `unknown-revision` when it names none. */
  defaultBranch(): Promise<string>;
  /**
   * Fetches, unless all of it is here already; what no branch and no tag has, by its hash.
   * @returns The commits that could not be had although the remote answered.
   */
  ensure(wanted: readonly WantedCommit[]): Promise<readonly string[]>;
  /**
   * Makes sure that it has a commit, by its full hash, of the first of some repositories that gives it.
   * @returns Whether it has it now.
   */
  bring(commit: string, urls: readonly string[]): Promise<boolean>;
  /** What it has now. */
  open(): Promise<GitRepository>;
  /** Remembers a commit that it has under a name of Waybill's own, whatever is fetched later. @param name of words and slashes. */
  mark(name: string, commit: string): Promise<void>;
  /** The commit that is remembered under a name; `undefined` when none is, or it is damaged. */
  marked(name: string): Promise<CommitHash | undefined>;
  /** The commit that a branch or tag stands at, by its full name. @throws {GitError} `unknown-revision`. */
  commitOf(ref: string): Promise<CommitHash>;
  /**
   * What a ref got by moving. Both ends have to be here, or to have been looked for.
   * @param before Where it stood; `undefined` when it is new.
   * @param others Where the other branches stood before: what they had is not new in a new ref.
   */
  got(before: string | undefined, after: string, others: readonly string[]): Promise<Got>;
  /** Paths that a proposal changes: in which it differs from the best common ancestor with its base. Both have to be here. */
  proposed(base: string, head: string): Promise<readonly string[]>;
}

/** Where a mirror is, and of what. */
export interface MirrorOptions extends RemoteOptions {
  /** The folder of all mirrors, absolute; made when it is missing. */
  readonly folder: string;
  /** Without a password. */
  readonly url: string;
  /** Bytes that its objects may take: 10 GiB by default. Beyond them no more than a small push is fetched. */
  readonly maxBytes?: number | undefined;
}

const usualBytes = 10 * 2 ** 30;
/** Bytes of a file that Git may write although a mirror has all that it may have: names of branches, and a small push. */
const smallestRoom = 1024 * 1024;
/** A first fetch of a large repository over a slow line takes this long. The other side may say nothing for minutes meanwhile. */
const usualMilliseconds = 60 * 60_000;
const maxWaitMilliseconds = 2 * usualMilliseconds;
/** Other machines may use the folder: their locks are respected for as long as they give signs of life. */
const patienceMilliseconds = 60_000;
/** Paths of half a million changes. */
const maxPathsBytes = 32 * 1024 * 1024;
/** Other ends that are held against a new ref: a command line is no longer. */
const maxOthers = 1_000;

/** Stands for the hashes of a remote that has none yet. */
const noHash = "0".repeat(40);
/** What a Git is in the way with whose process was killed: a lock that it left, or a ref that it has still moved. */
const inTheWay = /\.lock': File exists|cannot lock ref .* but expected /;
/** What Git says when it finds that its own files are not as it has written them: after a power cut, or on a full disk. */
const damage =
  /is empty|is corrupt|bad object|unable to read|cannot be accessed|unpack-objects failed|inflate|not send all necessary|unresolved delta|bad config|index-pack died/;

const isHash = (text: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

/** The mirror of a remote in a folder of mirrors. Nothing is asked or written before the first of its methods is called. */
export function openMirror(options: MirrorOptions): Mirror {
  const { environment = process.env, signal, maxMilliseconds = usualMilliseconds } = options;
  const { maxBytes = usualBytes } = options;
  const url = withoutPassword(options.url);
  const folder = join(options.folder, mirrorName(url));
  const credentials = (): Promise<NodeJS.ProcessEnv> => withCredential(environment, options.credential);
  const limits: GitLimits = { maxMilliseconds, signal };
  const git = (...words: string[]): Promise<GitRun> => runGit(folder, words, environment);
  const failed = (error: unknown): GitError =>
    new GitError("git-failed", `the mirror of the repository cannot be used: ${messageOf(error)}`, {
      where: folder,
      cause: error,
    });

  const isThere = async (): Promise<boolean> =>
    (await ifPresent(stat(join(folder, ".git", "HEAD")))) !== undefined;

  const holding = async <Result>(body: () => Promise<Result>): Promise<Result> => {
    // By that it is known how long nobody has used it.
    await ifPresent(utimes(folder, new Date(), new Date()));
    await makeFolder(options.folder).catch((error: unknown) => {
      throw failed(error);
    });
    const held = async (): Promise<Result> => {
      signal?.throwIfAborted();
      return body();
    };
    signal?.throwIfAborted();
    const waiting = { failure: failed, patienceMilliseconds, maxWaitMilliseconds };
    return untilAborted(holdingLock(`${folder}.lock`, held, waiting), signal);
  };

  /** Makes an empty one in the place of whatever is there. @param hash One of the remote's: all have the same length. */
  const make = async (hash: string): Promise<void> => {
    const prefix = `${basename(folder)}.new.`;
    const owner = (name: string) => (name.startsWith(prefix) ? name.slice(prefix.length) : undefined);
    await sweep(options.folder, { owner });
    const aside = join(options.folder, `${prefix}${markedName()}`);
    const format = hash.length === 64 ? "sha256" : "sha1";
    const words = ["init", "--quiet", "--template=", `--object-format=${format}`];
    // A name that no branch of the remote has is checked out here, and nothing stands under it.
    const named = ["--initial-branch=waybill/mirror", "--", aside];
    await gitOutput(folder, runGit(options.folder, [...words, ...named], environment, "folders"));
    await gitOutput(folder, runGit(aside, ["config", "remote.origin.url", url], environment));
    await removeTree(folder);
    await rename(aside, folder);
  };

  const prepare = async (hash: string): Promise<void> => {
    const format = (await isThere()) ? await git("rev-parse", "--show-object-format") : undefined;
    const expected = hash.length === 64 ? "sha256" : "sha1";
    if (format?.code !== 0 || format.stdout.trim() !== expected) await make(hash);
  };

  /** Bytes that may still come. Where there are none, what pushes have taken away goes at once. */
  const roomLeft = async (): Promise<number> => {
    await removeParts(join(folder, ".git"));
    const left = async (): Promise<number> => maxBytes - (await bytesOf(folder, git("count-objects", "-v")));
    const room = await left();
    if (room > 0) return room;
    const atOnce = ["-c", "gc.reflogExpire=now", "-c", "gc.reflogExpireUnreachable=now"];
    await runGit(folder, [...atOnce, "gc", "--prune=now", "--quiet"], environment, "folders", limits);
    return left();
  };

  const fetchFrom = async (from: string, refs: readonly string[]): Promise<GitRun> => {
    const words = [
      ...[...unled, "fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head"],
      ...["--no-recurse-submodules", "--no-auto-maintenance", "--update-head-ok"],
      ...(refs.some((ref) => ref.includes(":")) ? ["--prune"] : []),
      ...["--", from, ...refs],
    ];
    const attempt = async (room: number): Promise<GitRun> => {
      const bounds = { ...limits, maxFileBytes: Math.max(room, smallestRoom) };
      const fetched = await runGit(folder, words, await credentials(), "hosts", bounds);
      const lack = fetched.code === 0 ? undefined : lackOfRoom(fetched, { url, folder, maxBytes });
      if (lack === undefined) return fetched;
      // What the remote has no longer has gone first.
      const more = await roomLeft();
      if (lack.code === "mirror-too-large" && more > room) return attempt(more);
      throw lack;
    };
    const room = await roomLeft();
    const first = await attempt(room);
    if (first.code === 0 || !inTheWay.test(first.stderr)) return first;
    await removeStaleLocks(join(folder, ".git"));
    return attempt(room);
  };

  /** Packs what many fetches have brought. That it cannot be done, or not in time, keeps nobody from using what is there. */
  const tidy = async (): Promise<void> => {
    const words = ["-c", "gc.autoDetach=false", "gc", "--auto", "--quiet"];
    await runGit(folder, words, environment, "folders", limits).catch((error: unknown) => {
      signal?.throwIfAborted();
      if (!(error instanceof GitError)) throw error;
    });
  };

  /** @param hash One of the remote's. */
  const fetchAll = async (hash: string): Promise<void> => {
    await prepare(hash);
    const attempt = (): Promise<GitRun> =>
      fetchFrom(url, ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]);
    let fetched = await attempt();
    if (fetched.code !== 0 && damage.test(fetched.stderr)) {
      await make(hash);
      fetched = await attempt();
    }
    if (fetched.code !== 0) throw unreadable(url, complaint(fetched.stderr));
    const found = await git("for-each-ref", "--count=1");
    if (hash !== noHash && found.stdout === "") throw unreadable(url, "it had refs, and is without any now");
    await tidy();
  };

  /** What each of some names of commits stands for here; what a damaged mirror has, it has not. */
  const commitsOf = async (names: readonly string[]): Promise<readonly (CommitHash | undefined)[]> => {
    if (names.length === 0 || !(await isThere())) return names.map(() => undefined);
    const heads = new CatFile(folder, "--batch-check", environment);
    try {
      const answers = names.map(async (name) => {
        if (!isHash(name) && !/^refs\/(?:heads|tags)\/[^\s\p{Cc}]+$/u.test(name)) return undefined;
        const answer = await heads.ask(`${name}^{commit}`).catch((error: unknown) => {
          if (error instanceof GitError && error.code === "git-failed") return "missing";
          throw error;
        });
        return typeof answer === "string" ? undefined : (answer.hash as CommitHash);
      });
      return await Promise.all(answers);
    } finally {
      heads.close();
    }
  };

  const open = (): Promise<GitRepository> => openGitRepository(folder, environment);

  const missingOf = async (wanted: readonly WantedCommit[]): Promise<readonly WantedCommit[]> => {
    const found = await commitsOf(wanted.flatMap(({ commit, ref }) => [commit, ref ?? commit]));
    return wanted.filter(({ commit }, at) => found[2 * at] === undefined || found[2 * at + 1] !== commit);
  };

  const present = async (commits: readonly string[]): Promise<readonly CommitHash[]> =>
    (await commitsOf([...new Set(commits)])).filter((commit) => commit !== undefined);

  const pathsOf = (...words: string[]): Promise<GitRun> =>
    runGit(folder, words, environment, "here", { maxOutputBytes: maxPathsBytes });

  const differences = async (one: string, other: string): Promise<readonly string[]> => {
    const options = ["--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-relative"];
    const words = ["diff", ...options, "--ignore-submodules=none", one, other, "--"];
    return pathsIn(await gitOutput(url, pathsOf(...words)));
  };

  return {
    ...{ folder, url, open },
    async fetch() {
      const [first] = await listRemote(url, { ...options, maxMilliseconds: undefined });
      await holding(() => fetchAll(first?.object ?? noHash));
    },
    async defaultBranch() {
      const words = [...unled, ...impatient, "ls-remote", "--symref", "--", url, "HEAD"];
      const listed = await runGit(nowhere, words, await credentials(), "hosts", listingLimits(options));
      if (listed.code !== 0) throw unreadable(url, complaint(listed.stderr));
      const branch = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(listed.stdout)?.[1];
      if (branch !== undefined) return branch;
      throw new GitError("unknown-revision", "the remote names no default branch", {
        where: url,
        hint: "name the branch in the job",
      });
    },
    async ensure(wanted) {
      const strange = wanted.find(({ commit }) => !isHash(commit));
      if (strange !== undefined) throw new TypeError("a commit is named by its full hash");
      if ((await missingOf(wanted)).length === 0) return [];
      return holding(async () => {
        // Somebody else may have fetched it in the meantime.
        const missing = await missingOf(wanted);
        const [first] = missing;
        if (first === undefined) return [];
        await fetchAll(first.commit);
        const alone = missing.map(({ commit }) => ({ commit }));
        for (const { commit } of await missingOf(alone)) await fetchFrom(url, [commit]);
        return (await missingOf(alone)).map(({ commit }) => commit);
      });
    },
    async bring(commit, urls) {
      if (!isHash(commit)) return false;
      const isHere = async (): Promise<boolean> => (await missingOf([{ commit }])).length === 0;
      if (await isHere()) return true;
      return holding(async () => {
        await prepare(commit);
        for (const from of urls) {
          if (await isHere()) break;
          await fetchFrom(from, [commit]);
        }
        return isHere();
      });
    },
    async mark(name, commit) {
      await gitOutput(folder, git("update-ref", `refs/waybill/${name}`, commit));
    },
    async marked(name) {
      if (!(await isThere())) return undefined;
      const words = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
      const { code, stdout } = await git(...words, `refs/waybill/${name}^{commit}`);
      return code === 0 && isHash(stdout.trim()) ? (stdout.trim() as CommitHash) : undefined;
    },
    commitOf: async (ref) => (await open()).commitOf(ref),
    async got(before, after, others) {
      const [end] = await present([after]);
      if (end === undefined) return { changes: undefined, forced: undefined };
      const [start] = before === undefined ? [] : await present([before]);
      if (before !== undefined && start === undefined) return { changes: undefined, forced: undefined };
      const known = start === undefined ? await present(others.slice(0, maxOthers)) : [start];
      const isForced =
        start !== undefined && (await git("merge-base", "--is-ancestor", start, end)).code !== 0;
      const forced = start === undefined ? undefined : isForced;
      try {
        const changes = await changedPaths(known, end, url, pathsOf);
        const taken = isForced ? await differences(start, end) : [];
        return { changes: [...new Set([...changes, ...taken])].sort(), forced };
      } catch (error) {
        if (!(error instanceof OutputLimitError)) throw error;
        return { changes: undefined, forced };
      }
    },
    async proposed(base, head) {
      const { code, stdout } = await git("merge-base", base, head);
      return differences(code === 0 ? stdout.trim() : base, head);
    },
  };
}

/** What is waited for, unless that is given up first: whoever holds a lock may do so for long. */
async function untilAborted<Result>(
  waited: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (signal === undefined) return waited;
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([waited, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** A folder's name that says which repository it is of, and that no other repository has. */
export function mirrorName(url: string): string {
  const hash = createHash("sha256").update(url).digest("hex").slice(0, 16);
  const shown = url.replace(/^[a-z+]+:\/\//i, "").replace(/[^A-Za-z0-9._-]+/g, "-");
  return `${shown.replace(/^[.-]+/, "").slice(-60)}-${hash}`;
}
