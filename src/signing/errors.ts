import { WaybillError } from "../errors/index.ts";

/**
 * Why something was not signed.
 * - `signer-invalid`: what the settings say of a signer cannot be used: its key, its password, its `signing_config.json`.
 * - `signer-unavailable`: the key service's plugin, the token or the key is not there, or does not do what it is for.
 * - `signing-refused`: a certificate authority, a log or a timestamp authority understood, and will not.
 * - `signing-unreachable`: one of them does not answer, or with something else.
 */
export type SigningErrorCode =
  | "signer-invalid"
  | "signer-unavailable"
  | "signing-refused"
  | "signing-unreachable";

/** A signature that was not made. Never holds a secret. */
export class SigningError extends WaybillError<SigningErrorCode> {
  override readonly name = "SigningError";
}
