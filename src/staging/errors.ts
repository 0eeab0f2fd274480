import { WaybillError } from "../errors/index.ts";

/**
 * Why no project was made.
 * - `invalid-name`: the name, or what it becomes, cannot be used.
 * - `invalid-owner`: somebody cannot be an approver by that name.
 * - `unknown-destinations`: the settings have no such set, none, or several and nobody chose.
 * - `no-source`: nobody says where the project stages its images.
 * - `invalid-registry`: a registry cannot stand in a promoter manifest.
 * - `already-there`: the project has files already.
 * - `taken`: another project promotes from there, or to there.
 * - `not-a-directory`: there is no directory of manifests to put it in.
 * - `write-failed`: the file system refuses; nothing is left of what was written.
 */
export type StagingErrorCode =
  | "invalid-name"
  | "invalid-owner"
  | "unknown-destinations"
  | "no-source"
  | "invalid-registry"
  | "already-there"
  | "taken"
  | "not-a-directory"
  | "write-failed";

/** A project cannot be made. Nothing was written. */
export class StagingError extends WaybillError<StagingErrorCode> {
  override readonly name = "StagingError";
}
