import { WaybillError } from "../errors/index.ts";

/** Why a key or a trusted root cannot be used. */
export type SigstoreErrorCode =
  | "invalid-key"
  | "unsupported-key"
  | "costly-key"
  | "password-missing"
  | "wrong-password"
  | "invalid-trusted-root";

/** A key file or a `trusted_root.json` that is not what it should be. What is wrong with signatures is never thrown. */
export class SigstoreError extends WaybillError<SigstoreErrorCode> {
  override readonly name = "SigstoreError";
}
