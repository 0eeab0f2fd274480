import type { Readable } from "node:stream";
import type { Descriptor, Digest } from "../oci/index.ts";

const vouched = new WeakMap<Readable | Uint8Array, Digest>();

/**
 * Marks bytes as those of a blob, or of its end: they have been hashed, or come from a stream that fails before its
 * end when they are not, so nobody need hash them again.
 */
export function vouchFor<Bytes extends Readable | Uint8Array>(
  bytes: Bytes,
  { digest }: Pick<Descriptor, "digest">,
): Bytes {
  vouched.set(bytes, digest);
  return bytes;
}

/** Whether somebody has vouched for the bytes. */
export function isVouchedFor(bytes: Readable | Uint8Array, { digest }: Pick<Descriptor, "digest">): boolean {
  return vouched.get(bytes) === digest;
}
