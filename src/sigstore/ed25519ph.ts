import type { KeyObject } from "node:crypto";
import { ed25519ph } from "@noble/curves/ed25519.js";

/** An Ed25519 key in SPKI's DER form is this, and then its 32 bytes (RFC 8410, 4). */
const spkiPrefixBytes = 12;

/**
 * Whether an Ed25519 key has signed the SHA-512 of these bytes, without a context (Ed25519ph, RFC 8032, 5.1): Node's `verify`
 * knows the plain form alone. Strictly: encodings of points and scalars have to be the only ones, and a key of small order, with
 * which one signature is good for many messages, has signed nothing. Never throws.
 */
export function isPrehashSignedBy(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (key.asymmetricKeyType !== "ed25519") return false;
  const point = key.export({ format: "der", type: "spki" }).subarray(spkiPrefixBytes);
  try {
    return ed25519ph.verify(signature, bytes, point, { zip215: false });
  } catch {
    return false;
  }
}
