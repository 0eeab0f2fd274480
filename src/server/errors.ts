import { WaybillError } from "../errors/index.ts";

/**
 * Why the server does not do what it was asked for.
 * - `unknown-job`: no job has that name now.
 * - `unknown-session`: none of that id goes on.
 * - `jobs-unknown`: nobody knows yet which jobs there are; that passes.
 * - `unknown-archive`: no bucket of that name was configured.
 * - `unknown-artifact`: the run has no such file.
 * - `unknown-remote`: no repository of that URL is looked at.
 * - `unknown-pull`: no pull request of that id was seen.
 * - `unknown-delivery`: none of that number is kept.
 * - `no-matrix`: nothing is known of what the run does with images at mirrors.
 * - `unknown-mirror`, `unknown-row`: the run has no such mirror, or image.
 * - `unknown-image`: no run has told of it.
 * - `address-unavailable`: it cannot listen there.
 */
export type ServerErrorCode =
  | "unknown-job"
  | "unknown-session"
  | "jobs-unknown"
  | "unknown-archive"
  | "unknown-artifact"
  | "unknown-remote"
  | "unknown-pull"
  | "unknown-delivery"
  | "no-matrix"
  | "unknown-mirror"
  | "unknown-row"
  | "unknown-image"
  | "address-unavailable";

/** A request that the server cannot serve, or an address that it cannot have. */
export class ServerError extends WaybillError<ServerErrorCode> {
  override readonly name = "ServerError";
}
