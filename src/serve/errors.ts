import { WaybillError } from "../errors/index.ts";

/**
 * Why a server does not start.
 * - `secret-missing`: a file or a variable that is to hold a secret is not there, or empty.
 * - `invalid-database`: what is named is no database.
 */
export type ServeErrorCode = "secret-missing" | "invalid-database";

/** A server that cannot start as it is configured. */
export class ServeError extends WaybillError<ServeErrorCode> {
  override readonly name = "ServeError";
}
