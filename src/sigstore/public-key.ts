import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { messageOf } from "../errors/index.ts";
import { SigstoreError } from "./errors.ts";
import { sigstoreLimits } from "./limits.ts";

/** A public key, and how it is known. */
export interface PublicKey {
  readonly key: KeyObject;
  /** SHA-256 of the key in SPKI's DER form, in hex. */
  readonly fingerprint: string;
  /** What the settings or a policy call it. */
  readonly name?: string | undefined;
}

const pemBlock = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/**
 * A public key in PEM: SPKI (`PUBLIC KEY`) or PKCS#1 (`RSA PUBLIC KEY`).
 * @param where What to name in errors: a file, or a place of a policy.
 * @throws {SigstoreError} `invalid-key`, or `unsupported-key` for a key that no signature is checked with here.
 */
export function readPublicKey(pem: string, where: string, name?: string): PublicKey {
  const hint = "expected one public key in PEM, as cosign public-key or openssl pkey -pubout write it";
  if (pem.length > sigstoreLimits.keyFileBytes)
    throw new SigstoreError("invalid-key", "the file is too large for a key", { where, hint });
  const blocks = [...pem.matchAll(pemBlock)];
  const [block] = blocks;
  if (block === undefined || blocks.length > 1) {
    const message = block === undefined ? "there is no PEM in it" : "there is more than one key in it";
    throw new SigstoreError("invalid-key", message, { where, hint });
  }
  const [text, label = ""] = block;
  if (label !== "PUBLIC KEY" && label !== "RSA PUBLIC KEY") {
    const isPrivate = label.includes("PRIVATE");
    const message = isPrivate ? "it is a private key" : `it is no public key, but: ${label.toLowerCase()}`;
    throw new SigstoreError("invalid-key", message, { where, hint });
  }
  let key: KeyObject;
  try {
    key = createPublicKey(text);
  } catch (cause) {
    throw new SigstoreError("invalid-key", `it is no public key: ${messageOf(cause)}`, {
      where,
      hint,
      cause,
    });
  }
  return publicKeyOf(key, where, name);
}

/** A key with its fingerprint; of a private key, that of its public half. @throws {SigstoreError} `unsupported-key`. */
export function publicKeyOf(key: KeyObject, where: string, name?: string): PublicKey {
  const fault = keyFault(key);
  if (fault !== undefined) {
    const hint = "use a key of P-256; P-384, P-521, Ed25519 and RSA from 2048 bits are known, too";
    throw new SigstoreError("unsupported-key", fault, { where, hint });
  }
  const half = key.type === "private" ? createPublicKey(key) : key;
  return { key: half, fingerprint: fingerprintOf(half), name };
}

/** SHA-256 of a public key in SPKI's DER form, in hex. */
export function fingerprintOf(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ format: "der", type: "spki" }))
    .digest("hex");
}

/** By which hash signatures of elliptic curves go. */
const hashByCurve: Readonly<Record<string, string>> = {
  prime256v1: "sha256",
  secp384r1: "sha384",
  secp521r1: "sha512",
};

/** Why no signature of a key is believed, if so. */
export function keyFault(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "ed25519") return undefined;
  if (type === "ec") {
    const curve = details?.namedCurve ?? "none";
    return curve in hashByCurve ? undefined : `keys of the curve ${curve} are not known here`;
  }
  if (type === "rsa") {
    const bits = details?.modulusLength ?? 0;
    if (bits < 2048) return `an RSA key of ${bits} bits is too weak`;
    if (bits > 16384) return `an RSA key of ${bits} bits is too large`;
    return undefined;
  }
  return `keys of the kind ${type} are not known here`;
}

/**
 * By which hash a key signs: that of its curve's size, SHA-256 with RSA (PKCS#1 v1.5); `null` for Ed25519, which takes the bytes
 * themselves, as `node:crypto` wants to be told.
 */
export function hashOfKey(key: KeyObject): "sha256" | "sha384" | "sha512" | null {
  if (key.asymmetricKeyType === "ed25519") return null;
  const curve = key.asymmetricKeyDetails?.namedCurve ?? "";
  return (hashByCurve[curve] as "sha256" | "sha384" | "sha512" | undefined) ?? "sha256";
}

/**
 * Whether a key has signed these bytes. Large curves go by their own hash, and else by SHA-256, which older clients took for
 * every curve. Never throws.
 */
export function isSignedBy(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (keyFault(key) !== undefined) return false;
  const hash = hashOfKey(key);
  const hashes = hash === null || hash === "sha256" ? [hash] : [hash, "sha256"];
  return hashes.some((each) => {
    try {
      return verify(each, bytes, key, signature);
    } catch {
      return false;
    }
  });
}
