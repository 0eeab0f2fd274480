import { WaybillError } from "../errors/index.ts";

/** Why Git gave no answer, or did not do what it was asked for. */
export type GitErrorCode =
  | "git-missing"
  | "not-a-repository"
  | "unknown-revision"
  | "unknown-date"
  | "shallow-clone"
  | "unreachable"
  | "too-many-refs"
  | "mirror-too-large"
  | "disk-full"
  | "no-identity"
  | "push-refused"
  | "git-failed";

/** Git is not there, refuses, or does not have what it was asked for. */
export class GitError extends WaybillError<GitErrorCode> {
  override readonly name = "GitError";
}
