export { SigstoreError, type SigstoreErrorCode } from "./errors.ts";
export { jsonExcess } from "./json.ts";
export { type KeyFileOptions, readPrivateKey, writeKeyFile } from "./key-file.ts";
export { legacyAnnotations } from "./legacy.ts";
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
export { readTimestamp } from "./read-timestamp.ts";
export { dsseBytes } from "./signed.ts";
export { skimJson } from "./skim.ts";
export { cosignSignature, inTotoPayload } from "./statement.ts";
export { readTrustedRoot, type TrustedRoot } from "./trusted-root.ts";
export { openVerifier, type VerifierOptions } from "./verifier.ts";
