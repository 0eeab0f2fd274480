import { pipeline, type Readable, Transform } from "node:stream";
import { type Descriptor, digestHasher } from "../../oci/index.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";

/** What a verified stream is for. */
export interface VerifyOptions {
  /** The repository, for messages. */
  readonly where: string;
  /** Milliseconds without a single byte passing, after which it is given up. */
  readonly idle: number;
}

/**
 * The stream, checked against the descriptor while it passes. The last chunk is held back until digest and size are
 * known to be right, so that whoever forwards the bytes never completes a wrong blob. A stream that nobody reads, or
 * that brings nothing, is given up after a while: it holds a connection.
 */
export function verifiedStream(stream: Readable, blob: Descriptor, options: VerifyOptions): Readable {
  const hasher = digestHasher(blob.digest);
  let held: Uint8Array | undefined;
  let size = 0;
  const fail = (code: RegistryErrorCode, message: string, cause?: unknown) =>
    new RegistryError(code, message, { where: `${options.where}@${blob.digest}`, cause });

  const checker = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      watch.refresh();
      size += chunk.length;
      if (size > blob.size) {
        return done(fail("size-mismatch", `the blob has more than the ${blob.size} bytes it should have`));
      }
      hasher.update(chunk);
      const before = held;
      held = chunk;
      done(null, before);
    },
    flush(done) {
      if (size < blob.size)
        return done(fail("truncated", `the blob ended after ${size} of ${blob.size} bytes`));
      if (!hasher.matches())
        return done(fail("digest-mismatch", "the blob's bytes do not hash to its digest"));
      done(null, held);
    },
  });
  const watch = setTimeout(() => {
    checker.destroy(fail("timeout", `the blob stood still after ${size} of ${blob.size} bytes`));
  }, options.idle).unref();
  checker.once("close", () => clearTimeout(watch));
  // Whoever reads it learns of its failure; one that nobody reads must not end the process.
  checker.on("error", () => {});
  stream.once("error", (cause) => {
    const broken = `the blob broke off after ${size} of ${blob.size} bytes`;
    checker.destroy(cause instanceof RegistryError ? cause : fail("truncated", broken, cause));
  });
  return pipeline(stream, checker, () => {});
}
