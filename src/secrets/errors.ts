import { WaybillError } from "../errors/index.ts";

/**
 * Why a secret cannot be read.
 * - `secret-missing`: it is not where the settings say.
 * - `secret-invalid`: what they say names nothing that can be read.
 * - `secret-refused`: whoever keeps it understood, and will not.
 * - `secret-unreachable`: whoever keeps it does not answer, or with something else.
 */
export type SecretErrorCode = "secret-missing" | "secret-invalid" | "secret-refused" | "secret-unreachable";

/** A secret that cannot be read. Never holds any of it. */
export class SecretError extends WaybillError<SecretErrorCode> {
  override readonly name = "SecretError";
}
