import type { ManifestComparison } from "../edges/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { CommittedManifests } from "../manifest/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";

/**
 * What a promotion would do and why: plain data, to be printed, reviewed, saved, and applied on another day. A plan
 * never asks for a deletion or for a tag to move.
 */
export interface Plan {
  readonly format: "waybill-plan/1";
  /** Digest of all verdicts: the identity that approvals are bound to. Places in files do not count. */
  readonly hash: string;
  /**
   * Digest of the edges alone that the manifests ask for, of a limited plan those it is limited to. A saved plan is
   * refused when it is no longer theirs.
   */
  readonly edgesHash: string;
  /** Absent when all edges are planned. */
  readonly since?: Since;
  readonly createdAt: string;
  readonly summary: PlanSummary;
  /** Production repositories by name. */
  readonly repositories: readonly PlannedRepository[];
}

/** What a plan is limited to: edges that are asked for, and were not or not so when a commit was made. */
export interface Since {
  /** Full hash of the commit. */
  readonly commit: string;
  /** Edges that were asked for then as they are now: nobody looks at them. */
  readonly unchanged: number;
  /** Edges that are not asked for any more. Production keeps them. */
  readonly removed: number;
  /** Projects that could not be read at the commit: all that they ask for counts as changed. */
  readonly unreadable: readonly string[];
}

/** What a plan is limited to that looks only at what changed since a commit. */
export function sinceCommit(
  { commit }: Pick<CommittedManifests, "commit">,
  { edges, unreadable }: ManifestComparison,
): Since {
  return { commit, unchanged: edges.unchanged, removed: edges.removed, unreadable: unreadable.before };
}

/** Edges by verdict. */
export type PlanSummary = Readonly<Record<Verdict, number>>;

/** A production repository, and what the manifests ask of it. */
export interface PlannedRepository {
  readonly destination: RepositoryName;
  /** The registry listed nothing in it when it was read. */
  readonly empty: boolean;
  /**
   * It is not there, and the registry says that somebody has to create it, and not a push; the hint says what does. Work is
   * tried all the same, for some create one after all.
   */
  readonly missing?: FailureRecord;
  /** Repositories share the objects of images that are present: a large plan is mostly these. */
  readonly images: readonly PlannedImage[];
}

/** One digest in one production repository, with one edge for each tag, or one edge without a tag. */
export interface PlannedImage {
  readonly digest: Digest;
  readonly project: string;
  /** Where it would be copied from: the first source that has it, otherwise the first that is named. */
  readonly source: RepositoryName;
  /** `file:line:column` of the digest. */
  readonly at: string;
  readonly edges: readonly PlannedEdge[];
}

/**
 * - `present`: production is as asked.
 * - `copy`: the image is not in production; it is copied and, when the edge has one, its tag is put.
 * - `tag`: the image is in production; only the tag is put, and what is about another image is entered into its list of
 *   referrers.
 * - `conflict`: the tag stands at another digest in production. Tags never move.
 * - `lost`: the image is in neither production nor staging.
 * - `overlap`: the manifests claim one tag for two digests.
 * - `unread`: a repository could not be read, so nothing is known and nothing is done.
 * - `refused`: a policy of the manifests stands against it.
 * - `withheld`: it could be done, but the saved plan that is applied does not hold it.
 */
export const verdicts = [
  "present",
  "copy",
  "tag",
  "conflict",
  "lost",
  "overlap",
  "unread",
  "refused",
  "withheld",
] as const;

/** One of {@link verdicts}. */
export type Verdict = (typeof verdicts)[number];

/** Why an edge has its verdict. */
export const reasons = [
  "tag-at-digest",
  "digest-present",
  "digest-absent",
  "tag-absent",
  "referrer-unlisted",
  "tag-at-other-digest",
  "not-in-staging",
  "claimed-twice",
  "destination-unread",
  "source-unread",
  "provenance-not-evaluated",
  "not-in-saved-plan",
] as const;

/** One of {@link reasons}. */
export type Reason = (typeof reasons)[number];

/** One tag of an image, or the image without a tag, and what is to become of it. */
export interface PlannedEdge {
  /** `null` for a digest that is promoted without a tag. */
  readonly tag: Tag | null;
  readonly verdict: Verdict;
  readonly reason: Reason;
  /** `file:line:column` of the tag, or of the digest when there is none. */
  readonly at: string;
  /** The digest the tag stands at in production, when that is another one. */
  readonly current?: Digest;
  /** The media type of what it stands for there, when that is no image. */
  readonly currentType?: string;
  /** All claims, when two digests claim the tag. */
  readonly claims?: readonly { readonly digest: Digest; readonly at: string }[];
  /** `file:line:column` of the policy that stands against it. */
  readonly policy?: string;
  /** What made it unread. */
  readonly failure?: FailureRecord;
}

/** Verdicts that stand for work to do. */
export function isWork(verdict: Verdict): boolean {
  return verdict === "copy" || verdict === "tag";
}

/** Verdicts that say production is not as asked and will not be after this plan. */
export function isProblem(verdict: Verdict): boolean {
  return verdict !== "present" && !isWork(verdict);
}
