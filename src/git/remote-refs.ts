import { parse } from "node:path";
import { type GitCredential, withCredential } from "./credential.ts";
import { GitError } from "./errors.ts";
import { withoutPassword } from "./password.ts";
import { complaint, type GitLimits, type GitRun, OutputLimitError, runGit } from "./program.ts";

/** A branch or a tag of a remote. */
export interface RemoteRef {
  /** `refs/heads/…` or `refs/tags/…`. */
  readonly ref: string;
  /** The hash that it stands at: of an annotated tag, that of the tag itself. */
  readonly object: string;
  /** What is behind annotated tags; for all others the same as {@link object}. */
  readonly commit: string;
}

/** How another host is asked by Git. */
export interface RemoteOptions {
  /** Shown to its own origin alone. */
  readonly credential?: GitCredential | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
  readonly signal?: AbortSignal | undefined;
  /** From the start of a question to its end: a minute by default. */
  readonly maxMilliseconds?: number | undefined;
  /** Of the list of a remote's branches and tags: 64 MiB by default. */
  readonly maxListingBytes?: number | undefined;
}

/** In no repository, so that no configuration but the user's counts. */
export const nowhere = parse(process.cwd()).root;

const usualMilliseconds = 60_000;
const mebibyte = 1024 * 1024;
/** More than half a million refs. */
const usualListingBytes = 64 * mebibyte;
/** A name is a path of files: of each of these Git takes 255 bytes. */
const maxRefLength = 900;

/**
 * Where a job's remote leads to is asked for nothing: it may be an address that only this machine reaches (git-config(1),
 * `http.followRedirects`).
 */
export const unled = ["-c", "http.followRedirects=false"] as const;

/** A transfer that is slower than so many bytes a second, for so many seconds, is given up (git-config(1), `http.lowSpeedLimit`). */
export const impatient = ["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30"] as const;

/**
 * What bounds asking for a list: Git has all of it in memory before it says any of it. What it needs for the longest is four times as much, and
 * some for itself.
 */
export function listingLimits({
  maxListingBytes = usualListingBytes,
  maxMilliseconds = usualMilliseconds,
  signal,
}: RemoteOptions): GitLimits {
  const maxMemoryBytes = 64 * mebibyte + 4 * maxListingBytes;
  return { maxOutputBytes: maxListingBytes, maxMemoryBytes, maxMilliseconds, signal };
}

/**
 * All branches and tags of a remote, in the order of their names. Only these are asked for: of the refs that a forge keeps for pull
 * requests, of which there may be hundreds of thousands, nothing is sent (gitprotocol-v2(5), `ref-prefix`). Nothing is remembered.
 * @param url without a password.
 * @throws {GitError} `unreachable` when it cannot be read, for whatever reason: nothing follows from that about its refs; `too-many-refs`,
 * `git-missing`.
 */
export async function listRemote(url: string, options: RemoteOptions = {}): Promise<readonly RemoteRef[]> {
  const listed = refsIn((await ask(url, options)).stdout);
  if (listed.length > 0) return listed;
  // A page that a proxy answers with is a repository without refs for Git, as its oldest protocol has them.
  const again = await ask(url, {
    ...options,
    environment: { ...(options.environment ?? process.env), GIT_TRACE_PACKET: "1" },
  });
  if (/ packet: +\S+< /.test(again.stderr)) return refsIn(again.stdout);
  throw unreadable(url, "what answers is no Git");
}

async function ask(url: string, options: RemoteOptions): Promise<GitRun> {
  const { credential, environment = process.env, maxListingBytes = usualListingBytes } = options;
  const words = [
    "-c",
    "protocol.version=2",
    ...unled,
    ...impatient,
    "ls-remote",
    "--heads",
    "--tags",
    "--",
    url,
  ];
  const shown = await withCredential(environment, credential);
  const asked = runGit(nowhere, words, shown, "hosts", listingLimits(options));
  const listed = await asked.catch((error: unknown) => {
    if (!(error instanceof GitError) || error.code === "git-missing") throw error;
    if (error instanceof OutputLimitError) throw tooManyRefs(url, maxListingBytes, error);
    throw unreadable(url, error.message, error);
  });
  if (listed.code === 0) return listed;
  if (outOfMemory.test(listed.stderr)) throw tooManyRefs(url, maxListingBytes);
  throw unreadable(url, complaint(listed.stderr));
}

/** What Git says that may have no more memory. */
const outOfMemory = /\bout of memory\b/i;

function tooManyRefs(url: string, bytes: number, cause?: unknown): GitError {
  const size = `${Math.ceil(bytes / mebibyte)} MiB`;
  return new GitError("too-many-refs", `the list of its branches and tags is longer than ${size}`, {
    where: withoutPassword(url),
    hint: "remove those that nobody needs: nothing of the repository is seen until then",
    cause,
  });
}

/** That a remote could not be read. */
export function unreadable(url: string, why: string, cause?: unknown): GitError {
  return new GitError("unreachable", `the repository could not be read: ${why}`, {
    where: withoutPassword(url),
    hint: /returned error: 30\d$/.test(why)
      ? "it is at another address by now: name that one; on GitLab, it ends in .git"
      : "does it exist, and may the token, or the key of the SSH agent, read it?",
    cause,
  });
}

/** Lines of `git ls-remote`: a hash, a tab, and a ref, behind which `^{}` says that it is what an annotated tag is of. */
function refsIn(text: string): readonly RemoteRef[] {
  const refs = new Map<string, RemoteRef>();
  for (const line of text.split("\n")) {
    const [, hash, ref, peeled] =
      /^([0-9a-f]{40}|[0-9a-f]{64})\t(refs\/(?:heads|tags)\/.+?)(\^\{\})?$/.exec(line) ?? [];
    if (hash === undefined || ref === undefined || ref.length > maxRefLength) continue;
    refs.set(ref, {
      ref,
      object: peeled === undefined ? hash : (refs.get(ref)?.object ?? hash),
      commit: hash,
    });
  }
  return [...refs.values()];
}
