// Bytes and numbers that are the same on every machine and in every run: no randomness, no clock.
import { createCipheriv, createHash } from "node:crypto";

const chunkBytes = 1024 * 1024;

/**
 * Bytes that do not compress, in chunks of at most 1 MiB; a name always gives the same ones. They begin as gzip does:
 * skopeo looks at that, and compresses what does not.
 */
export function* chunksOf(name, size) {
  const seed = createHash("sha256").update(name).digest();
  const cipher = createCipheriv("aes-128-ctr", seed.subarray(0, 16), seed.subarray(16, 32));
  for (let left = size; left > 0; left -= chunkBytes) {
    const chunk = cipher.update(Buffer.alloc(Math.min(left, chunkBytes)));
    if (left === size) chunk.set([0x1f, 0x8b, 0x08]);
    yield chunk;
  }
}

/** A whole number from `least` to `greatest`; a name always gives the same one. */
export function numberOf(name, least, greatest) {
  return least + (createHash("sha256").update(name).digest().readUInt32BE() % (greatest - least + 1));
}

export function digestOfChunks(chunks) {
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}
