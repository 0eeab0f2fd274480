import { createHash, type Hash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { flushFile } from "../disk/index.ts";
import { algorithmOf, type Digest, hexOf, type RepositoryPath } from "../oci/index.ts";
import { isKnownToHaveEnded, processMark } from "../process/index.ts";
import { ifPresent } from "./durable-files.ts";
import { type Layout, uploadName } from "./layout.ts";
import { serverLimits } from "./limits.ts";
import { Refusal } from "./refusal.ts";

/**
 * Blobs on their way in. Sessions survive a restart: their bytes are on disk, and hashed again at the end. Other
 * processes may have theirs in the same folder; the name of a file says whose it is.
 */
export interface UploadSessions {
  /**
   * Opens a session. When too many are open, the one that got nothing for longest is given up for it: of those of the
   * client that has most.
   * @throws {Refusal} `TOOMANYREQUESTS` when bytes are coming in for all of them.
   */
  begin(repository: RepositoryPath, client: string): Promise<UploadSession>;
  /**
   * The session of that id, if this repository has it. One that is on disk alone is taken over when nobody else can be
   * writing it: it was let go, its process has ended, or it was silent for longer than any connection may be.
   */
  find(repository: RepositoryPath, id: string, client: string): Promise<UploadSession | undefined>;
  /**
   * Gives up sessions that got no byte for longer than the limit, and drafts as old; of those that nobody has open, all
   * but the newest. Answers how many.
   */
  sweep(now: number): Promise<number>;
  /** Lets all sessions go, for whoever serves the folder next. */
  release(): Promise<void>;
}

/** One blob on its way in. */
export interface UploadSession {
  readonly id: string;
  /** Bytes received so far. */
  readonly size: number;
  /**
   * Adds the chunk of a request; what was received when the request breaks off is kept. Of two requests for one
   * session the later one is the one that counts: the earlier is cut off, for its connection is most likely dead.
   * @throws {Refusal} 416 when the chunk does not start where the bytes so far end, `SIZE_INVALID` when it has not
   * the length it claims, 413 when the blob gets too large.
   */
  append(chunk: Chunk): Promise<void>;
  /**
   * Hands the whole blob, hashed and flushed, to `adopt` as a file, and ends the session, whatever comes of it.
   * @throws {Refusal} `DIGEST_INVALID` when the bytes are not those of the digest.
   */
  finish(digest: Digest, adopt: (path: string) => Promise<void>): Promise<void>;
  /** Ends the session and throws its bytes away. */
  cancel(): Promise<void>;
}

/** A stretch of a blob, as a request brings it. */
export interface Chunk {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Where it must start, if it says so. */
  readonly start: number | undefined;
  /** How long it must be, if it says so. */
  readonly length: number | undefined;
  /** The algorithm of the digest to come: hashing the bytes as they pass saves reading them again. */
  readonly algorithm: "sha256" | "sha512";
  /** Cuts the request off. */
  abort(): void;
}

/** Bytes that are gathered before they are written. */
const writeBytes = 256 * 1024;

/** `ID.REPOSITORY`, and whose it is: nobody's, or a process's. */
const uploadNamePattern = /^([0-9a-f-]{36}\.[0-9a-f]{16})(?:\.([0-9]+-[0-9a-f]{12}\.[0-9]+))?$/;

let opened = 0;

/** The sessions whose bytes lie in the layout's `uploads` folder. */
export function openUploadSessions(layout: Layout): UploadSessions {
  const sessions = new Map<string, OpenSession>();
  // Servers in one process have sessions of their own as well.
  opened += 1;
  const owner = `${processMark()}.${opened}`;
  const ownPath = (name: string) => join(layout.uploads, `${name}.${owner}`);
  const keep = (name: string, client: string, size: number, touchedAt: number): OpenSession => {
    const forget = () => sessions.delete(name);
    const session = openSession(name, ownPath(name), client, size, touchedAt, forget);
    sessions.set(name, session);
    return session;
  };

  async function makeRoom(): Promise<void> {
    if (sessions.size < serverLimits.uploadSessions) return;
    const leaving = longestIdle(sessions.values());
    if (leaving === undefined) {
      throw new Refusal("TOOMANYREQUESTS", "too many uploads are under way; wait for one of them to end", {
        headers: { "Retry-After": "10" },
      });
    }
    await leaving.cancel();
  }

  async function takeOver(name: string, client: string): Promise<OpenSession | undefined> {
    for (const file of await readdir(layout.uploads)) {
      const [, found, whose] = uploadNamePattern.exec(file) ?? [];
      if (found !== name) continue;
      const path = join(layout.uploads, file);
      const seen = await ifPresent(stat(path));
      if (seen === undefined) continue;
      const isSilent = seen.mtimeMs < Date.now() - serverLimits.silenceMilliseconds;
      if (whose !== undefined && !isKnownToHaveEnded(whose) && !isSilent) continue;
      // One process alone can rename it.
      const taken = await ifPresent(rename(path, ownPath(name)).then(() => stat(ownPath(name))));
      if (taken !== undefined) return keep(name, client, taken.size, taken.mtimeMs);
    }
    // Two requests may have asked at once.
    return sessions.get(name);
  }

  return {
    async begin(repository, client) {
      await makeRoom();
      const name = uploadName(repository, randomUUID());
      const session = keep(name, client, 0, Date.now());
      try {
        await writeFile(ownPath(name), "", { flag: "wx" });
      } catch (thrown) {
        sessions.delete(name);
        throw thrown;
      }
      return session;
    },
    async find(repository, id, client) {
      const name = uploadName(repository, id);
      return sessions.get(name) ?? takeOver(name, client);
    },
    async sweep(now) {
      const oldest = now - serverLimits.uploadAgeMilliseconds;
      const stale = [...sessions.values()].filter((session) => session.touchedAt < oldest);
      for (const session of stale) await session.cancel().catch(() => undefined);
      const isOthers = (name: string) => uploadNamePattern.test(name) && !name.endsWith(`.${owner}`);
      return (
        stale.length +
        (await sweepOld(layout.uploads, oldest, isOthers)) +
        (await sweepAbandoned(layout.uploads)) +
        (await sweepOld(layout.temporary, oldest, () => true))
      );
    },
    async release() {
      for (const [name, session] of sessions) {
        await session.release(join(layout.uploads, name)).catch(() => undefined);
      }
    },
  };
}

/** Removes the files of a folder that pass and were not touched since; answers how many. */
async function sweepOld(folder: string, oldest: number, passes: (name: string) => boolean): Promise<number> {
  let swept = 0;
  for (const name of (await readdir(folder)).filter(passes)) {
    const path = join(folder, name);
    const found = await ifPresent(stat(path));
    if (found === undefined || found.mtimeMs >= oldest) continue;
    await rm(path, { force: true });
    swept += 1;
  }
  return swept;
}

/** Removes of the sessions that no living process has open the oldest, beyond the limit; answers how many. */
async function sweepAbandoned(folder: string): Promise<number> {
  const found: { readonly path: string; readonly mtimeMs: number }[] = [];
  for (const name of await readdir(folder)) {
    const [whole, , whose] = uploadNamePattern.exec(name) ?? [];
    if (whole === undefined || (whose !== undefined && !isKnownToHaveEnded(whose))) continue;
    const path = join(folder, name);
    const seen = await ifPresent(stat(path));
    if (seen !== undefined) found.push({ path, mtimeMs: seen.mtimeMs });
  }
  const newestFirst = found.sort((one, other) => other.mtimeMs - one.mtimeMs);
  const leaving = newestFirst.slice(serverLimits.uploadSessions);
  for (const { path } of leaving) await rm(path, { force: true });
  return leaving.length;
}

/** Of the client that has most sessions for which nothing is coming in, the one that got nothing for longest. */
function longestIdle(sessions: Iterable<OpenSession>): OpenSession | undefined {
  const all = [...sessions];
  const counts = new Map<string, number>();
  for (const { client } of all) counts.set(client, (counts.get(client) ?? 0) + 1);
  const countOf = ({ client }: OpenSession) => counts.get(client) ?? 0;
  const [first] = all
    .filter(({ isIdle }) => isIdle)
    .sort((one, other) => countOf(other) - countOf(one) || one.touchedAt - other.touchedAt);
  return first;
}

interface OpenSession extends UploadSession {
  readonly client: string;
  readonly touchedAt: number;
  /** Whether no request is about it at the moment. */
  readonly isIdle: boolean;
  /** Ends the session here, and keeps its bytes under a name that others may take it over by. */
  release(path: string): Promise<void>;
}

interface RunningHash {
  readonly algorithm: "sha256" | "sha512";
  readonly hash: Hash;
}

function openSession(
  name: string,
  path: string,
  client: string,
  sizeOnDisk: number,
  lastTouched: number,
  forget: () => void,
): OpenSession {
  let size = sizeOnDisk;
  let touchedAt = lastTouched;
  // Covers exactly the first `size` bytes. A session found on disk has none: its bytes are hashed at the end.
  let running: RunningHash | undefined;
  let abortCurrent = () => {};
  let turn: Promise<unknown> = Promise.resolve();
  let ended = false;
  let requests = 0;

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    requests += 1;
    const mine = turn.then(async () => {
      if (ended) throw new Refusal("BLOB_UPLOAD_UNKNOWN", "the upload session has ended");
      if ((await ifPresent(stat(path))) !== undefined) return work();
      // It was silent for so long that another process went on with it, or gave it up.
      await end();
      throw new Refusal("BLOB_UPLOAD_UNKNOWN", "the upload session goes on elsewhere, or was given up");
    });
    turn = mine
      .catch(() => undefined)
      .finally(() => {
        requests -= 1;
      });
    return mine;
  };
  const end = async () => {
    ended = true;
    forget();
    await rm(path, { force: true });
  };

  async function receive(chunk: Chunk, isSuperseded: () => boolean): Promise<void> {
    if (chunk.start !== undefined && chunk.start !== size) {
      const message = `the chunk starts at ${chunk.start}, the next byte is ${size}`;
      throw new Refusal("BLOB_UPLOAD_INVALID", message, { status: 416 });
    }
    const before = size;
    if (size === 0) running = { algorithm: chunk.algorithm, hash: createHash(chunk.algorithm) };
    const file = await open(path, "r+");
    try {
      for await (const bytes of gathered(chunk.bytes)) {
        if (isSuperseded()) break;
        refuseTooLarge(size + bytes.length);
        await writeAll(file, bytes, size).catch(async (thrown: unknown) => {
          // A disk that is full or broken will not let this blob in: the room it took is given back at once.
          await end();
          throw thrown;
        });
        running?.hash.update(bytes);
        size += bytes.length;
        touchedAt = Date.now();
      }
    } finally {
      await file.close();
    }
    if (chunk.length === undefined || size - before === chunk.length) return;
    const received = size - before;
    await truncate(path, before);
    size = before;
    running = undefined;
    throw new Refusal(
      "SIZE_INVALID",
      `the chunk has ${received} bytes, its Content-Range says ${chunk.length}`,
    );
  }

  return {
    id: name.slice(0, name.indexOf(".")),
    get size() {
      return size;
    },
    client,
    get touchedAt() {
      return touchedAt;
    },
    get isIdle() {
      return requests === 0 && !ended;
    },
    async append(chunk) {
      abortCurrent();
      let superseded = false;
      const abort = () => {
        superseded = true;
        chunk.abort();
      };
      abortCurrent = abort;
      try {
        // Whoever supersedes a request has been told how many bytes are written: from then on, no more are.
        await inTurn(() => receive(chunk, () => superseded));
      } finally {
        if (abortCurrent === abort) abortCurrent = () => {};
      }
    },
    finish: (digest, adopt) =>
      inTurn(async () => {
        try {
          const hash =
            running?.algorithm === algorithmOf(digest) ? running.hash : await hashFile(path, digest);
          const hex = hash.digest("hex");
          if (hex !== hexOf(digest)) {
            throw new Refusal(
              "DIGEST_INVALID",
              `the ${size} bytes received have the digest ${algorithmOf(digest)}:${hex}, not ${digest}`,
            );
          }
          await flushFile(path);
          await adopt(path);
        } finally {
          await end();
        }
      }),
    async cancel() {
      abortCurrent();
      await inTurn(end);
    },
    async release(free) {
      abortCurrent();
      await inTurn(async () => {
        ended = true;
        forget();
        await rename(path, free);
      });
    },
  };
}

/** Joins small pieces into larger ones; hands on what it holds before it passes on the failure of its source. */
async function* gathered(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  let failure: { readonly thrown: unknown } | undefined;
  try {
    for await (const piece of source) {
      pieces.push(piece);
      length += piece.length;
      if (length < writeBytes) continue;
      yield Buffer.concat(pieces);
      pieces = [];
      length = 0;
    }
  } catch (thrown) {
    failure = { thrown };
  }
  if (length > 0) yield Buffer.concat(pieces);
  if (failure !== undefined) throw failure.thrown;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

async function hashFile(path: string, digest: Digest): Promise<Hash> {
  const hash = createHash(algorithmOf(digest));
  await pipeline(createReadStream(path, { highWaterMark: writeBytes }), hash, { end: false });
  return hash;
}

/** @throws {Refusal} 413 when a blob of so many bytes is too large. */
export function refuseTooLarge(bytes: number): void {
  if (bytes <= serverLimits.blobBytes) return;
  throw new Refusal("SIZE_INVALID", `a blob may have ${serverLimits.blobBytes} bytes at most`, {
    status: 413,
  });
}
