import { type FailureDetails, WaybillError } from "../errors/index.ts";
import type { Digest, Tag } from "../oci/index.ts";

/** Why nothing was merged. */
export type MergeErrorCode =
  | "no-manifest"
  | "unknown-staging"
  | "invalid-filter"
  | "images-unknown"
  | "empty-staging"
  | "nothing-chosen"
  | "age-unknown"
  | "staging-unread"
  | "no-image"
  | "refused"
  | "production-unread"
  | "run-empty"
  | "tag-not-unique"
  | "manifest-unreadable"
  | "manifest-invalid"
  | "manifest-changed"
  | "write-failed";

/** A tag that was to be added at one digest and stands at another. */
export interface TagConflict {
  readonly image: string;
  readonly tag: Tag;
  /** The digest staging has it at. */
  readonly asked: Digest;
  /** The digest it stands at; a manifest may hold what is no digest. */
  readonly standing: string;
  /** Where it stands: `file:line` of a manifest, or a repository of production. */
  readonly where: string;
}

/** A merge that was not made; the manifest is as it was. */
export class MergeError extends WaybillError<MergeErrorCode> {
  override readonly name = "MergeError";
  /** All of them, for the code `refused`; otherwise empty. */
  readonly refusals: readonly TagConflict[];

  constructor(
    code: MergeErrorCode,
    message: string,
    details: FailureDetails & { readonly refusals?: readonly TagConflict[] } = {},
  ) {
    super(code, message, details);
    this.refusals = details.refusals ?? [];
  }
}
