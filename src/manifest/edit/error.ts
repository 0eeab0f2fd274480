import { type FailureDetails, WaybillError } from "../../errors/index.ts";
import type { Digest, Tag } from "../../oci/index.ts";

/** Why a list of images was not edited. */
export type ManifestEditErrorCode =
  | "tag-collision"
  | "contradictory-additions"
  | "invalid-image-name"
  | "not-an-image-list"
  | "repeated-key"
  | "shared-by-alias"
  | "unsafe-edit";

/** A tag that was asked for at one digest and stands at another in the file. */
export interface TagCollision {
  readonly image: string;
  readonly tag: Tag;
  readonly asked: Digest;
  /** As the file has it; a file may hold what is no digest. */
  readonly listed: string;
  /** Line of the tag in the file, counted from 1. */
  readonly line: number;
}

/** A list of images that was left as it is, because the edit that was asked for would damage or contradict it. */
export class ManifestEditError extends WaybillError<ManifestEditErrorCode> {
  override readonly name = "ManifestEditError";
  /** All of them, for the code `tag-collision`; otherwise empty. */
  readonly collisions: readonly TagCollision[];

  constructor(
    code: ManifestEditErrorCode,
    message: string,
    details: FailureDetails & { readonly collisions?: readonly TagCollision[] } = {},
  ) {
    super(code, message, details);
    this.collisions = details.collisions ?? [];
  }
}
