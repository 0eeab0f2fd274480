export { SigstoreError, type SigstoreErrorCode } from "./errors.ts";
export { type KeyFileOptions, readPrivateKey, writeKeyFile } from "./key-file.ts";
export { sigstoreLimits } from "./limits.ts";
export type * from "./model.ts";
export {
  fingerprintOf,
  hashOfKey,
  isSignedBy,
  type PublicKey,
  publicKeyOf,
  readPublicKey,
} from "./public-key.ts";
