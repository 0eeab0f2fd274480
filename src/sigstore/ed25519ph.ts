import { createHash, type KeyObject } from "node:crypto";
import { eddsa } from "@noble/curves/abstract/edwards.js";
import { ed25519 } from "@noble/curves/ed25519.js";

/** An Ed25519 key in SPKI's DER form is this, and then its 32 bytes (RFC 8410, 4). */
const spkiPrefixBytes = 12;

/** By Node: what is signed may have megabytes, for which the library's own hash takes a second. */
const sha512 = (bytes: Uint8Array) => new Uint8Array(createHash("sha512").update(bytes).digest());

/** What is hashed begins with this, which tells it from all that the plain form hashes (RFC 8032, 2: `dom2`). */
function domain(data: Uint8Array, context: Uint8Array, isPrehash: boolean): Uint8Array<ArrayBuffer> {
  const head = Buffer.from("SigEd25519 no Ed25519 collisions");
  return new Uint8Array(Buffer.concat([head, Buffer.of(isPrehash ? 1 : 0, context.length), context, data]));
}

/**
 * Whether an Ed25519 key has signed the SHA-512 of these bytes, without a context (Ed25519ph, RFC 8032, 5.1): Node's `verify`
 * knows the plain form alone. Strictly: encodings of points and scalars have to be the only ones, and a key of small order, with
 * which one signature is good for many messages, has signed nothing. Never throws.
 */
export function isPrehashSignedBy(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (key.asymmetricKeyType !== "ed25519") return false;
  const point = key.export({ format: "der", type: "spki" }).subarray(spkiPrefixBytes);
  try {
    return eddsa(ed25519.Point, sha512, { domain, prehash: sha512 }).verify(signature, bytes, point, {
      zip215: false,
    });
  } catch {
    return false;
  }
}
