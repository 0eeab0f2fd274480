import { createHash, type KeyObject, sign } from "node:crypto";
import { promisify } from "node:util";
import { SigningError } from "./errors.ts";

/** Signs bytes, and says by what it is verified. */
export interface SigningKey {
  readonly publicKey: KeyObject;
  /** @throws {SigningError} */
  sign(bytes: Uint8Array): Promise<Buffer>;
}

/** The hash that a key signs: that of its curve, SHA-256 with RSA, and none with Ed25519, which hashes by itself. */
export type SignatureHash = "sha256" | "sha384" | "sha512" | undefined;

const curveHashes: Readonly<Record<string, SignatureHash>> = {
  prime256v1: "sha256",
  secp384r1: "sha384",
  secp521r1: "sha512",
};
const leastRsaBits = 2048;

/**
 * The hash that signatures of a key are over.
 * @param where What holds the key, for messages.
 * @throws {SigningError} `signer-invalid` for keys that Sigstore's verifiers do not know.
 */
export function hashOfKey(
  { asymmetricKeyType, asymmetricKeyDetails }: KeyObject,
  where: string,
): SignatureHash {
  const { namedCurve = "", modulusLength = 0 } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === "ed25519") return undefined;
  if (asymmetricKeyType === "rsa" && modulusLength >= leastRsaBits) return "sha256";
  const hash = asymmetricKeyType === "ec" ? curveHashes[namedCurve] : undefined;
  if (hash !== undefined) return hash;
  const kind = [asymmetricKeyType, namedCurve || modulusLength || ""].join(" ").trim();
  throw new SigningError("signer-invalid", `a key of this kind (${kind}) signs nothing that others verify`, {
    where,
    hint: "use P-256, P-384, P-521, Ed25519, or RSA of 2048 bits or more",
  });
}

/** Off the event loop: a signature of RSA takes milliseconds, and others copy meanwhile. */
const signAside = promisify(sign);

/** A private key that this process has. @throws {SigningError} `signer-invalid`. */
export function localKey(privateKey: KeyObject, publicKey: KeyObject, where: string): SigningKey {
  const hash = hashOfKey(publicKey, where);
  return { publicKey, sign: (bytes) => signAside(hash, bytes, privateKey) };
}

/** A public key in SPKI's DER form. */
export function spkiOf(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" });
}

/** A public key as PEM, in SPKI's form. */
export function pemOf(key: KeyObject): string {
  return key.export({ format: "pem", type: "spki" }).toString();
}

/** SHA-256 of a public key in SPKI's DER form. */
export function fingerprintOf(key: KeyObject, encoding: "hex" | "base64"): string {
  return createHash("sha256").update(spkiOf(key)).digest(encoding);
}
