import { Readable } from "node:stream";
import {
  type Checkpoint,
  createHashCheckpoints,
  type Descriptor,
  type HashCheckpoints,
} from "../../oci/index.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import { vouchFor } from "../vouched.ts";

export interface VerifiedStreamOptions {
  readonly where: string;
  /** Milliseconds without a single byte passing, after which it is given up. */
  readonly idle: number;
  /** The first byte that is handed out; 0 when it is left out. */
  readonly from?: number;
  /** Where the stream begins: at `from`, or a little before it. */
  readonly checkpoint?: Checkpoint;
  /** Learns how far the blob has been hashed. */
  readonly checkpoints?: HashCheckpoints;
}

/**
 * The stream, checked against the descriptor while it passes. The last chunk is held back until digest and size are
 * known to be right, so that whoever forwards the bytes never completes a wrong blob. A stream that nobody reads, or
 * that brings nothing, is given up after a while: it holds a connection.
 */
export function verifiedStream(stream: Readable, blob: Descriptor, options: VerifiedStreamOptions): Readable {
  const checkpoints = options.checkpoints ?? createHashCheckpoints(blob.digest);
  const { offset, hasher } = options.checkpoint ?? checkpoints.below(0);
  let position = offset;
  let unwanted = (options.from ?? 0) - offset;
  let held: Uint8Array | undefined;
  const fail = (code: RegistryErrorCode, message: string, cause?: unknown): void => {
    const where = `${options.where}@${blob.digest}`;
    checked.destroy(new RegistryError(code, message, { where, cause }));
  };

  const checked = new Readable({
    read: () => void stream.resume(),
    destroy(error, done) {
      clearTimeout(watch);
      stream.destroy();
      done(error);
    },
  });
  const watch = setTimeout(() => {
    fail("timeout", `the blob stood still after ${position} of ${blob.size} bytes`);
  }, options.idle).unref();

  const give = (chunk: Uint8Array): boolean => {
    const wanted = unwanted === 0 ? chunk : chunk.subarray(unwanted);
    unwanted -= chunk.length - wanted.length;
    return wanted.length === 0 || checked.push(wanted);
  };
  stream.on("data", (chunk: Uint8Array) => {
    if (checked.destroyed) return;
    watch.refresh();
    position += chunk.length;
    if (position > blob.size) {
      return fail("size-mismatch", `the blob has more than the ${blob.size} bytes it should have`);
    }
    hasher.update(chunk);
    if (position < blob.size) checkpoints.record(position, hasher);
    const before = held;
    held = chunk;
    if (before !== undefined && !give(before)) stream.pause();
  });
  stream.once("end", () => {
    if (position < blob.size) {
      return fail("truncated", `the blob ended after ${position} of ${blob.size} bytes`);
    }
    if (!hasher.matches()) {
      checkpoints.reset();
      return fail("digest-mismatch", "the blob's bytes do not hash to its digest");
    }
    if (held !== undefined) give(held);
    checked.push(null);
  });
  stream.once("error", (cause) => {
    if (cause instanceof RegistryError) checked.destroy(cause);
    else fail("truncated", `the blob broke off after ${position} of ${blob.size} bytes`, cause);
  });
  stream.once("close", () => {
    if (!stream.readableEnded && !stream.errored) {
      fail("truncated", `the blob broke off after ${position} of ${blob.size} bytes`);
    }
  });
  // Whoever reads it learns of its failure; one that nobody reads must not end the process.
  checked.on("error", () => {});
  return vouchFor(checked, blob);
}
