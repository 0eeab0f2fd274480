import { WaybillError } from "../errors/index.ts";

/**
 * Why a run cannot be carried out at all.
 * - `invalid-input`: what it was asked for with is not what its kind needs.
 * - `no-commit`, `no-branch`, `no-pull-request`: it does not say what it is about.
 * - `no-forge`: it is about a pull request, and its repository is on no forge.
 * - `foreign-build`: it would run what a pull request proposes.
 * - `unrecorded`: its record cannot be written; it goes on.
 * - `no-build`: it is to propose what a build made, and comes after none.
 * - `no-image-tag`: it is to propose what a tag of Git names, and no image can have a tag of that name.
 */
export type WorkErrorCode =
  | "invalid-input"
  | "no-commit"
  | "no-pull-request"
  | "no-forge"
  | "foreign-build"
  | "unrecorded"
  | "no-build"
  | "no-image-tag";

/** A run that lacks what it takes. */
export class WorkError extends WaybillError<WorkErrorCode> {
  override readonly name = "WorkError";
}
