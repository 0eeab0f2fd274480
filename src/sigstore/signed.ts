import { createHash, type KeyObject, timingSafeEqual } from "node:crypto";
import type { TransparencyLogEntry } from "@sigstore/bundle";
import type { SignedEntity } from "@sigstore/verify";
import { isSignedBy } from "./public-key.ts";

/** A signature with all that was given to verify it by, whatever layout it came in. All of it is from outside. */
export interface Signed {
  /** What is read once the signature is known to be good. */
  readonly payload: Buffer;
  /** The bytes that are signed: the payload, or DSSE's encoding of it with its type. */
  readonly bytes: Buffer;
  readonly signature: Buffer;
  readonly signer:
    | { readonly kind: "key"; readonly hint?: string | undefined }
    /** The certificate in DER. */
    | { readonly kind: "certificate"; readonly certificate: Buffer };
  readonly entries: readonly TransparencyLogEntry[];
  /** Answers of timestamp authorities (RFC 3161) in DER. */
  readonly timestamps: readonly Buffer[];
}

/** The bytes that DSSE signs (its pre-authentication encoding, version 1). */
export function dsseBytes(type: string, payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `),
    payload,
  ]);
}

/**
 * What the library compares with entries of logs, and verifies. The library's own takes SHA-256 for all curves, and the digest
 * that a bundle says instead of that of the payload.
 */
export function contentOf({ payload, bytes, signature }: Signed): SignedEntity["signature"] {
  return {
    signature,
    compareSignature: (other: Buffer) => isEqual(signature, other),
    // An entry has the digest of the payload, or of what is signed; with either it is about this and nothing else.
    compareDigest: (digest: Buffer) => {
      const algorithm = algorithms[digest.length];
      if (algorithm === undefined) return false;
      return [payload, bytes].some((each) => isEqual(createHash(algorithm).update(each).digest(), digest));
    },
    verifySignature: (key: KeyObject) => isSignedBy(key, bytes, signature),
  };
}

const algorithms: Readonly<Record<number, string>> = { 32: "sha256", 48: "sha384", 64: "sha512" };

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
