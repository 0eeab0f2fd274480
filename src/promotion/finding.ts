import type { Place } from "../diagnostics/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";

/**
 * - `missing-tag`: the tag is not there.
 * - `tag-elsewhere`: the tag stands at another digest.
 * - `missing-image`: the digest is not there.
 * - `incomplete`: a manifest, config or layer that the image needs is not there, or is not given.
 * - `unlisted-referrer`: a manifest is about another image, and the list of that image's referrers lacks it.
 * - `missing-attachment`: what hangs on it at staging, and travels with it, does not hang on it here.
 * - `corrupt`: a manifest, config or layer is there but is not what its descriptor says, or not all read the same in it.
 * - `unsigned`: nobody has signed the image, or not as rules ask for.
 * - `not-verified`: it is signed, and no signature is true and by somebody who is known here.
 * - `policy`: a policy requires what is not there, or is not true or not allowed.
 * - `unread`: it could not be found out.
 */
export type FindingKind =
  | "missing-tag"
  | "tag-elsewhere"
  | "missing-image"
  | "incomplete"
  | "unlisted-referrer"
  | "missing-attachment"
  | "corrupt"
  | "unsigned"
  | "not-verified"
  | "policy"
  | "unread";

/** One way in which production is not what the manifests say. */
export interface Finding {
  readonly kind: FindingKind;
  readonly destination: RepositoryName;
  readonly digest: Digest;
  readonly tag: Tag | null;
  /** `file:line:column` of the line that asks for it. */
  readonly at: string;
  /** The same as data. */
  readonly place: Place;
  readonly message: string;
  /** Where the tag stands instead. */
  readonly current?: Digest;
  /** The media type of what it stands for there, when that is no image. */
  readonly currentType?: string;
  /** The object that is missing from the image. */
  readonly missing?: Digest;
  /** The config or layer that is not what its descriptor says. */
  readonly corrupt?: Digest;
  readonly failure?: FailureRecord | undefined;
  /** `file:line:column` of the policy that is not satisfied. */
  readonly policy?: string | undefined;
  /** What to do about what the policy says. */
  readonly hint?: string | undefined;
}
