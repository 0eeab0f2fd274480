import { constants } from "node:fs";
import { open, readdir, readFile, rename, rm, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCodeOf, ifPresent } from "./fault.ts";
import { isKnownToHaveEnded, markedName, numberOfMark } from "./mark.ts";
import { readAt } from "./read.ts";
import { replaceFile } from "./replace.ts";

/** A lock that this process holds. */
export interface HeldLock {
  /** Whether it still does: a process that slept for long may find its lock taken. */
  isMine(): Promise<boolean>;
  /**
   * Puts content under a name as {@link replaceFile} does, on the file system of the lock. `false` when the lock has been taken
   * over, and nothing has changed: also by a process that was stopped at the last moment, and goes on after others have
   * changed the file.
   */
  replace(path: string, content: string | Uint8Array): Promise<boolean>;
}

/** How a lock is waited for, and what is thrown when it cannot be had. */
export interface LockOptions {
  /**
   * What the file system refuses, as an error of whoever locks. `ELOCKED` is the code when living processes have not
   * released a lock for as long as it is waited for.
   */
  readonly failure: (error: unknown, file: string) => Error;
  /** How long a lock without a sign of life is respected: 15 seconds by default. */
  readonly patienceMilliseconds?: number;
  /** How long living holders are waited for: five minutes by default. */
  readonly maxWaitMilliseconds?: number;
  /**
   * Whether a holder is not waited for that shows that it is alive, which takes some seconds: for locks that are held for as long
   * as a server runs.
   */
  readonly refusesLiving?: boolean;
  /** Is told once when there is something to wait for. @param holder The number of the process, where it is one of this machine. */
  readonly onWait?: (holder: number | undefined) => void;
}

/** How often a holder shows that it is alive. */
const beatMilliseconds = 2_000;
/** How long to wait for a lock whose holders are alive. */
const usualWaitMilliseconds = 5 * 60 * 1000;
/** The longest pause between two looks at a lock; it grows with the time that was waited already. */
const maxPauseMilliseconds = 500;
const maxTokenLength = 256;

/**
 * Runs `body` while holding a lock file, which no two processes do at the same time. A lock is held for as long as a
 * small file takes to write; one that a killed process left is taken over, at once when that process is known to
 * have ended, else when it has not been touched for 15 seconds of our watching, so that clocks need not agree.
 * @throws What `failure` makes of it when the lock cannot be had; whatever `body` throws.
 */
export function holdingLock<Result>(
  file: string,
  body: (lock: HeldLock) => Promise<Result>,
  options: LockOptions,
): Promise<Result> {
  return holdingOneOf([file], body, options);
}

/**
 * The same with the first of several lock files that can be had, so that as many processes as there are files do it at the
 * same time. Whoever waits for long is not in line: who looks first when one is released has it.
 */
export async function holdingOneOf<Result>(
  files: readonly string[],
  body: (lock: HeldLock) => Promise<Result>,
  options: LockOptions,
): Promise<Result> {
  const name = markedName();
  const token = `${name}\n`;
  const refused = (error: unknown): never => {
    throw options.failure(error, files[0] ?? "");
  };
  const file = await acquire(files, token, options).catch(refused);
  const beat = setInterval(() => {
    const now = new Date();
    // A lock that is gone shows in isMine.
    utimes(file, now, now).catch(() => undefined);
  }, beatMilliseconds);
  const isMine = async () => (await readLock(file).catch(refused))?.token === token;
  const draft = `${file}${draftInfix}${name}`;
  const replace = async (path: string, content: string | Uint8Array): Promise<boolean> => {
    try {
      const check = async () => {
        if (!(await isMine())) throw new LostLock();
      };
      await replaceFile(path, content, { draft, check });
      return true;
    } catch (error) {
      // Who took the lock over has removed the draft.
      const isLost = error instanceof LostLock || (errorCodeOf(error) === "ENOENT" && !(await isMine()));
      if (isLost) return false;
      throw error;
    }
  };
  const release = async (): Promise<void> => {
    clearInterval(beat);
    if (await isMine()) await rm(file, { force: true });
  };
  let result: Result;
  try {
    result = await body({ isMine, replace });
  } catch (error) {
    // What it failed with counts, not that its lock could not be looked at afterwards: that is taken over in time.
    await release().catch(() => undefined);
    throw error;
  }
  await release();
  return result;
}

/** In the names of what holders are about to put under other names, between that of the lock and their own. */
const draftInfix = ".draft.";

class LostLock extends Error {}

/**
 * Takes from earlier holders what they were about to put, be they only stopped: what was put until now is seen by this one, and
 * what comes later has no lock.
 */
async function removeDrafts(file: string): Promise<void> {
  const prefix = `${basename(file)}${draftInfix}`;
  const drafts = (await readdir(dirname(file))).filter((name) => name.startsWith(prefix));
  for (const draft of drafts) await rm(join(dirname(file), draft), { force: true });
}

async function acquire(
  files: readonly string[],
  token: string,
  {
    patienceMilliseconds = 15_000,
    maxWaitMilliseconds = usualWaitMilliseconds,
    refusesLiving = false,
    onWait,
  }: Omit<LockOptions, "failure">,
): Promise<string> {
  const started = performance.now();
  const seen = new Map<string, { readonly token: string; readonly state: string; readonly since: number }>();
  for (let tell = onWait; ; ) {
    let holder: string | undefined;
    for (const file of files) {
      if (await claim(file, token)) return file;
      const lock = await readLock(file);
      const now = performance.now();
      const known = seen.get(file);
      const since = lock !== undefined && known?.state === lock.state ? known.since : now;
      if (lock !== undefined) seen.set(file, { token: lock.token, state: lock.state, since });
      if (refusesLiving && lock !== undefined && known?.token === lock.token && known.state !== lock.state) {
        throw notReleased();
      }
      if (lock !== undefined && !isKnownToHaveEnded(lock.token) && now - since <= patienceMilliseconds) {
        holder ??= lock.token;
        continue;
      }
      if (lock !== undefined) await takeAway(file, lock.token);
      if (await claim(file, token)) return file;
    }
    const waited = performance.now() - started;
    if (waited > maxWaitMilliseconds) throw notReleased();
    if (holder !== undefined) {
      tell?.(numberOfMark(holder));
      tell = undefined;
      await sleep(Math.min(10 + waited / 20, maxPauseMilliseconds) * (1 + Math.random()));
    }
  }
}

function notReleased(): Error {
  return Object.assign(new Error("another process does not release its lock"), { code: "ELOCKED" });
}

async function claim(file: string, token: string): Promise<boolean> {
  if (!(await create(file, token))) return false;
  try {
    await removeDrafts(file);
    return true;
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

async function create(file: string, token: string): Promise<boolean> {
  const handle = await open(file, "wx").catch((error) => {
    if (errorCodeOf(error) === "EEXIST") return undefined;
    throw error;
  });
  if (handle === undefined) return false;
  try {
    await handle.writeFile(token);
    return true;
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

/** The lock as it is now; `state` changes with its holder and with every sign of life. */
async function readLock(file: string): Promise<{ token: string; state: string } | undefined> {
  const handle = await ifPresent(open(file, constants.O_RDONLY | constants.O_NOFOLLOW));
  if (handle === undefined) return undefined;
  try {
    const { ino, mtimeMs } = await handle.stat();
    const token = (await readAt(handle, 0, maxTokenLength)).toString();
    return { token, state: `${ino} ${mtimeMs} ${token}` };
  } finally {
    await handle.close();
  }
}

/**
 * Takes a dead lock away. Two processes may have found the same one dead: whoever moves away a lock that is not the
 * dead one puts it back.
 */
async function takeAway(file: string, deadToken: string): Promise<void> {
  const aside = `${file}.${markedName()}`;
  if ((await ifPresent(rename(file, aside).then(() => true))) === undefined) return;
  const taken = await readFile(aside, "utf8");
  if (taken !== deadToken) await create(file, taken);
  await rm(aside, { force: true });
}
