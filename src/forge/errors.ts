import { WaybillError } from "../errors/index.ts";

/**
 * Why a forge did not do what it was asked for.
 * - `forge-unknown`: nobody says what kind of forge a host is.
 * - `token-missing`: no place holds a token for the host.
 * - `token-refused`: the token is wrong, or has run out.
 * - `forbidden`: the token has not the rights for it; the hint names them.
 * - `not-found`: no such repository or pull request, or none that the token may see.
 * - `rate-limited`: the forge wants to be left alone for longer than anybody would wait.
 * - `unreachable`: it does not answer, or only with failures of its own.
 * - `refused`: it understood, and will not; the message has its reason.
 * - `unexpected-answer`: it answered something else than its documentation says.
 */
export type ForgeErrorCode =
  | "forge-unknown"
  | "token-missing"
  | "token-refused"
  | "forbidden"
  | "not-found"
  | "rate-limited"
  | "unreachable"
  | "refused"
  | "unexpected-answer";

/** A forge refuses, cannot be reached, or is not known. */
export class ForgeError extends WaybillError<ForgeErrorCode> {
  override readonly name = "ForgeError";
}
