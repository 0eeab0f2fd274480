import { WaybillError } from "../errors/index.ts";

/**
 * Why a server did not do what it was asked for.
 * - `server-unknown`: what was named is no address of one.
 * - `token-unusable`: the token is none, or its file cannot be read.
 * - `server-unreachable`: nobody answers there.
 * - `not-a-server`: something else answers.
 * - `not-logged-in`: it wants a token, or another one.
 * - `forbidden`: it knows who asks, who may not do it.
 * - `not-there`: it has no such run, job or file.
 * - `refused`: it cannot be done now, or not like that.
 * - `server-failed`: the server could not do it.
 * - `file-unwritable`: what it gave cannot be kept.
 */
export type ClientErrorCode =
  | "server-unknown"
  | "token-unusable"
  | "server-unreachable"
  | "not-a-server"
  | "not-logged-in"
  | "forbidden"
  | "not-there"
  | "refused"
  | "server-failed"
  | "file-unwritable";

/** A server of Waybill's that did not do what it was asked for. Never holds a token. */
export class ClientError extends WaybillError<ClientErrorCode> {
  override readonly name = "ClientError";
}
