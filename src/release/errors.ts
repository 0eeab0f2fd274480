import { WaybillError } from "../errors/index.ts";

/** Why a release manager's move was not made. */
export type ReleaseErrorCode =
  /** The repository to push to was not forked from the one that the change is for. */
  | "not-a-fork"
  /** The repository was found, not named, and is a fork of another one. */
  | "fork-found"
  /** The branch holds commits that were not made by `waybill pr`. */
  | "branch-taken"
  /** The manifests are not where they were said to be. */
  | "no-manifests"
  /** No project of the manifests, or more than one, is called so. */
  | "unknown-project"
  /** The pull request stands at another commit than was reviewed. */
  | "outdated-review"
  /** The pull request is merged or closed. */
  | "not-open"
  /** The forge answers with a success, and has not done it. */
  | "left-out"
  /** What was asked for contradicts itself. */
  | "invalid-request";

/** A promotion cannot be proposed as it was asked for. */
export class ReleaseError extends WaybillError<ReleaseErrorCode> {
  override readonly name = "ReleaseError";
}
