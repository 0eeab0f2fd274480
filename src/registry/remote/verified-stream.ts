import { pipeline, type Readable, Transform } from "node:stream";
import { type Descriptor, digestHasher } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";

/**
 * The stream, checked against the descriptor while it passes. The last chunk is held back until digest and size are
 * known to be right, so that whoever forwards the bytes never completes a wrong blob.
 */
export function verifiedStream(stream: Readable, blob: Descriptor, where: string): Readable {
  const hasher = digestHasher(blob.digest);
  let held: Uint8Array | undefined;
  let size = 0;
  const fail = (code: "size-mismatch" | "digest-mismatch" | "truncated", message: string) =>
    new RegistryError(code, message, { where: `${where}@${blob.digest}` });

  const checker = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      size += chunk.length;
      if (size > blob.size)
        return done(fail("size-mismatch", `the blob has more than the ${blob.size} bytes it should have`));
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
  stream.once("error", (cause) => {
    if (cause instanceof RegistryError) return checker.destroy(cause);
    const broken = new RegistryError("truncated", `the blob broke off after ${size} of ${blob.size} bytes`, {
      where,
      cause,
    });
    return checker.destroy(broken);
  });
  return pipeline(stream, checker, () => {});
}
