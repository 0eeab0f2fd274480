import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type FailureRecord, failureRecord } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import type { Descriptor, Digest } from "../oci/index.ts";
import type { BlobProbe, Repository } from "../registry/index.ts";
import { hostLimits } from "./by-host.ts";
import type { BytesReadEvent } from "./events.ts";

/** Which blobs are read from their first byte to their last. */
export interface BlobReading {
  /** Of all blobs, so many: 100 are all of them. */
  readonly percent: number;
  /** Chooses them: the same seed chooses the same blobs, in any registry and on any day. */
  readonly seed: string;
  /** Bytes in a second, all readings together; as fast as they come when it is left out. */
  readonly bytesPerSecond?: number | undefined;
}

/** How blobs were looked at: each of them in one of these ways. */
export interface BlobLooks {
  /** Read as a whole and hashed. */
  readonly whole: number;
  /** The first byte was read. */
  readonly firstByte: number;
  /** The registry's word was taken for it, or it could not be found out. */
  readonly asked: number;
}

export type BlobState =
  | "sound"
  | Extract<BlobProbe, "withheld" | "absent">
  | { readonly failure: FailureRecord };

export interface BlobExaminer {
  /** Never throws for what a registry does. */
  examine(repository: Repository, blob: Descriptor): Promise<BlobState>;
  readonly looks: BlobLooks;
  readonly bytesRead: number;
}

/** Blobs of a host that are read at the same time: each holds a connection and some buffers, and shares the pace. */
const readingsAtOnce = 8;

/**
 * @param reading Without it, no blob is read as a whole.
 * @param listener Told of bytes of those as they come.
 */
export function createBlobExaminer(
  reading: BlobReading | undefined,
  listener?: Listener<BytesReadEvent>,
): BlobExaminer {
  const looks = { whole: 0, firstByte: 0, asked: 0 };
  const limitOf = hostLimits(readingsAtOnce);
  const pace = bytePace(reading?.bytesPerSecond);
  let done = 0;
  let total = 0;

  const tell = (more: number): void => {
    done += more;
    listener?.({ type: "bytes-read", more, done, total });
  };

  const readWhole = async (repository: Repository, blob: Descriptor): Promise<BlobState> => {
    let left = blob.size;
    try {
      for await (const chunk of await repository.open(blob)) {
        left -= chunk.length;
        tell(chunk.length);
        await pace.after(chunk.length);
      }
      looks.whole += 1;
      return "sound";
    } catch (error) {
      const failure = failureRecord(error);
      looks.asked += 1;
      // What will not come any more is nothing to wait for.
      total -= left;
      tell(0);
      return failure.code === "blob-missing" ? missing(repository, blob, failure) : { failure };
    }
  };

  /** A blob that is not given: whether the registry says that it is there. */
  const missing = async (
    repository: Repository,
    blob: Descriptor,
    failure: FailureRecord,
  ): Promise<BlobState> => {
    try {
      return (await repository.has(blob)) ? "withheld" : "absent";
    } catch {
      return { failure };
    }
  };

  const look = async (repository: Repository, blob: Descriptor): Promise<BlobState> => {
    try {
      const probe = await repository.probe(blob);
      looks[probe === "read" ? "firstByte" : "asked"] += 1;
      return probe === "read" || probe === "said" ? "sound" : probe;
    } catch (error) {
      looks.asked += 1;
      return { failure: failureRecord(error) };
    }
  };

  return {
    looks,
    get bytesRead() {
      return done;
    },
    examine: (repository, blob) => {
      if (reading === undefined || !isInSample(blob.digest, reading)) return look(repository, blob);
      total += blob.size;
      tell(0);
      return limitOf(repository.host ?? repository.address)(() => readWhole(repository, blob));
    },
  };
}

/** Whether a blob is read as a whole: a hash of seed and digest is as good as chance, and can be had again. */
function isInSample(digest: Digest, { percent, seed }: BlobReading): boolean {
  const hash = createHash("sha256").update(`${seed} ${digest}`).digest();
  return hash.readUInt32BE(0) / 2 ** 32 < percent / 100;
}

/** How fast bytes may come, all readings together. */
interface BytePace {
  /** Resolves when so many bytes, which have come, are allowed to have come. */
  after(bytes: number): Promise<void>;
}

/** A pace of no more than so many bytes a second, or none. */
export function bytePace(
  bytesPerSecond: number | undefined,
  { now, wait }: { readonly now: () => number; readonly wait: (milliseconds: number) => Promise<unknown> } = {
    now: () => performance.now(),
    wait: sleep,
  },
): BytePace {
  let due = Number.NEGATIVE_INFINITY;
  return {
    after: async (bytes) => {
      if (bytesPerSecond === undefined) return;
      due = Math.max(due, now()) + (1000 * bytes) / bytesPerSecond;
      await wait(due - now());
    },
  };
}
