import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, stat, truncate } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { flushFile, ifPresent, writeAll } from "../disk/index.ts";
import { algorithmOf, type Digest, hexOf } from "../oci/index.ts";
import { serverLimits } from "./limits.ts";
import { Refusal } from "./refusal.ts";
import type { Room } from "./room.ts";

export interface Chunk {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Where it must start, if it says so. */
  readonly start: number | undefined;
  /** How long it must be, if it says so. */
  readonly length: number | undefined;
  /** The algorithm of the digest to come: hashing the bytes as they pass saves reading them again. */
  readonly algorithm: "sha256" | "sha512";
  abort(): void;
}

const writeBytes = 256 * 1024;

/** One blob on its way in, in a session that this process has. */
export type UploadSession = ReturnType<typeof openSession>;

/**
 * The session whose bytes are in the file at `path`.
 * @param name As {@link uploadName} makes it.
 */
export function openSession(
  name: string,
  path: string,
  client: string,
  sizeOnDisk: number,
  lastTouched: number,
  forget: () => void,
  room: Room,
) {
  let size = sizeOnDisk;
  let touchedAt = lastTouched;
  // Covers exactly the first `size` bytes. A session found on disk has none: its bytes are hashed at the end.
  let running: { readonly algorithm: Chunk["algorithm"]; readonly hash: Hash } | undefined;
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
        // What it has brought stays, and a `PUT` must not end the upload that another request goes on with.
        if (isSuperseded()) throw superseded();
        refuseTooLarge(size + bytes.length);
        await room
          .take(bytes.length)
          .then(() => writeAll(file, bytes, size))
          .catch(async (thrown: unknown) => {
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
    // All of it may have come by then: how far the upload is, the later request learns by asking.
    if (isSuperseded()) throw superseded();
    if (chunk.length === undefined || size - before === chunk.length) return;
    const received = size - before;
    await truncate(path, before);
    size = before;
    running = undefined;
    const message = `the chunk has ${received} bytes, its Content-Range says ${chunk.length}`;
    throw new Refusal("SIZE_INVALID", message);
  }

  return {
    id: name.slice(0, name.indexOf(".")),
    get size() {
      return size;
    },
    name,
    client,
    get touchedAt() {
      return touchedAt;
    },
    /** Whether no request is about it at the moment. */
    get isIdle() {
      return requests === 0 && !ended;
    },
    /**
     * Adds the chunk of a request; what was received when the request breaks off is kept. Of two requests for one
     * session the later one is the one that counts: the earlier is cut off, for its connection is most likely dead.
     * @throws {Refusal} 416 when the chunk does not start where the bytes so far end, `SIZE_INVALID` when it has not
     * the length it claims, 413 when the blob gets too large, 409 when it was cut off.
     */
    async append(chunk: Chunk): Promise<void> {
      abortCurrent();
      let isSuperseded = false;
      const abort = () => {
        isSuperseded = true;
        chunk.abort();
      };
      abortCurrent = abort;
      try {
        // Whoever supersedes a request has been told how many bytes are written: from then on, no more are.
        await inTurn(() => receive(chunk, () => isSuperseded));
      } finally {
        if (abortCurrent === abort) abortCurrent = () => {};
      }
    },
    /**
     * Hands the whole blob, hashed and flushed, to `adopt` as a file, and ends the session, whatever comes of it.
     * @throws {Refusal} `DIGEST_INVALID` when the bytes are not those of the digest.
     */
    finish: (digest: Digest, adopt: (path: string) => Promise<void>): Promise<void> =>
      inTurn(async () => {
        try {
          const hash =
            running?.algorithm === algorithmOf(digest) ? running.hash : await hashFile(path, digest);
          const hex = hash.digest("hex");
          if (hex !== hexOf(digest)) {
            const message = `the ${size} bytes received have the digest ${algorithmOf(digest)}:${hex}, not ${digest}`;
            throw new Refusal("DIGEST_INVALID", message);
          }
          await flushFile(path);
          await adopt(path);
        } finally {
          await end();
        }
      }),
    async cancel(): Promise<void> {
      abortCurrent();
      await inTurn(end);
    },
    /** Ends the session here, and keeps its bytes under a name that others may take it over by. */
    async release(free: string): Promise<void> {
      abortCurrent();
      await inTurn(async () => {
        ended = true;
        forget();
        await rename(path, free);
      });
    },
  };
}

function superseded(): Refusal {
  const message = "another request goes on with the upload";
  return new Refusal("BLOB_UPLOAD_INVALID", message, { status: 409 });
}

/** Joins small pieces into larger ones; hands on what it holds before it passes on the failure of its source. */
async function* gathered(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let length = 0;
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
    if (length > 0) yield Buffer.concat(pieces);
    throw thrown;
  }
  if (length > 0) yield Buffer.concat(pieces);
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
