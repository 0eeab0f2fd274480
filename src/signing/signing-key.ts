import { type KeyObject, sign } from "node:crypto";
import { promisify } from "node:util";
import { hashOfKey, type PublicKey } from "../sigstore/index.ts";

/** Signs bytes, and says by what it is verified. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  /** @throws {SigningError} */
  sign(bytes: Uint8Array): Promise<Buffer>;
}

/** Off the event loop: a signature of RSA takes milliseconds, and others copy meanwhile. */
const signAside = promisify(sign);

/** A private key that this process has. */
export function localKey(privateKey: KeyObject, publicKey: PublicKey): SigningKey {
  const hash = hashOfKey(publicKey.key);
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
