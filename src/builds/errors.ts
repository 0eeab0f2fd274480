import { WaybillError } from "../errors/index.ts";

/** Why a build could not be done. */
export type BuildErrorCode =
  | "config-missing"
  | "config-unreadable"
  | "variants-invalid"
  | "unknown-variant"
  | "dirty"
  | "invalid-tag"
  | "invalid-date"
  | "invalid-platform"
  | "invalid-substitution"
  | "invalid-destination"
  | "project-missing"
  | "no-repository"
  | "source-unreadable"
  | "source-changed"
  | "images-missing"
  | "images-unreadable"
  | "image-missing"
  | "objects-missing"
  | "push-failed"
  | "engine-missing"
  | "engine-failed"
  | "step-image-unavailable"
  | "dockerfile-missing"
  | "disk-full"
  | "secret-missing"
  | "secret-refused"
  | "cloud-build-refused"
  | "cloud-build-unreachable";

/** A build that cannot go on. What a step itself says by its exit code is no error but an answer. */
export class BuildError extends WaybillError<BuildErrorCode> {
  override readonly name = "BuildError";
}
