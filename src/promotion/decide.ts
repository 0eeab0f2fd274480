import { type Place, placeIn } from "../diagnostics/index.ts";
import type { DesiredImage, DesiredTag, OverlapClaim } from "../edges/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { RepositoryState, TargetReading } from "./inventory.ts";
import type { PlannedEdge, PlannedImage } from "./planned-images.ts";

/** What staging answered about a digest: the repository that has it, none, or that it could not be read. */
export type SourceReading =
  | { readonly state: "found"; readonly repository: RepositoryName }
  | { readonly state: "missing" }
  | { readonly state: "unread"; readonly failure: FailureRecord };

/** What production holds, and which of its manifests are about another image whose list of referrers lacks them. */
export interface DecisionState extends RepositoryState {
  readonly unlisted?: ReadonlySet<Digest>;
}

function isUnlisted(digest: Digest, { unlisted }: DecisionState): boolean {
  return unlisted?.has(digest) === true;
}

/** Tags that the manifests ask for at two digests or more, with every line that does. */
export type Contested = ReadonlyMap<Tag, readonly OverlapClaim[]>;

/**
 * The decision table of promotion, for one digest in one production repository. Only facts come in; nothing is read.
 * Parts are independent: a conflict on one tag stops that tag only.
 *
 * `source` is consulted only when the image is not in production; it may be left out when {@link needsSource} says
 * that it is not needed.
 */
export function decideImage(
  image: DesiredImage,
  state: DecisionState,
  contested: Contested,
  source?: SourceReading,
): PlannedImage {
  const [first] = image.sources;
  const found = source?.state === "found" ? source.repository : undefined;
  const from = image.sources.find(({ repository }) => repository === found) ?? first;
  const edges =
    image.tags.length === 0
      ? [decideUntagged(image.digest, from.at, state, source)]
      : image.tags.map((tag) => decideTag(image.digest, tag, state, contested, source));
  return { digest: image.digest, project: from.project, source: from.repository, edges };
}

/** Whether nothing is to be done for an image: what {@link decideImage} says of each of its edges is `present`. */
export function isPresent(
  { digest, tags }: DesiredImage,
  state: DecisionState,
  contested: Contested,
): boolean {
  const standsFor = (reading: TargetReading | undefined): boolean =>
    reading !== undefined && "digest" in reading && reading.digest === digest;
  if (tags.length === 0) return standsFor(state.digests.get(digest)) && !isUnlisted(digest, state);
  return tags.every(({ tag }) => !contested.has(tag) && standsFor(state.tags.get(tag)));
}

/** Whether the decision depends on what staging holds. */
export function needsSource(image: DesiredImage, state: DecisionState, contested: Contested): boolean {
  const missing: SourceReading = { state: "missing" };
  return decideImage(image, state, contested, missing).edges.some(({ verdict }) => verdict === "lost");
}

function decideTag(
  digest: Digest,
  { tag, at }: DesiredTag,
  state: DecisionState,
  contested: Contested,
  source: SourceReading | undefined,
): PlannedEdge {
  const claimed = contested.get(tag);
  if (claimed !== undefined) {
    const claims = claimed.map((claim) => ({ digest: claim.digest, at: placeIn(claim.file, claim.at) }));
    return { tag, at, verdict: "overlap", reason: "claimed-twice", claims };
  }
  const reading = state.tags.get(tag);
  if (reading === undefined) throw new TypeError(`${tag} was not read`);
  if ("failure" in reading) {
    return { tag, at, verdict: "unread", reason: "destination-unread", failure: reading.failure };
  }
  if (reading.digest === digest) return { tag, at, verdict: "present", reason: "tag-at-digest" };
  if (reading.digest !== undefined) {
    return { tag, at, verdict: "conflict", reason: "tag-at-other-digest", ...standing(reading) };
  }
  return decideAbsent(digest, tag, at, state, source);
}

function decideUntagged(
  digest: Digest,
  at: Place,
  state: DecisionState,
  source: SourceReading | undefined,
): PlannedEdge {
  const edge = decideAbsent(digest, null, at, state, source);
  return edge.reason === "tag-absent"
    ? { tag: null, at, verdict: "present", reason: "digest-present" }
    : edge;
}

/** Where a tag stands instead, and what that is when it is no image. */
export function standing({ digest, otherType }: Exclude<TargetReading, { failure: unknown }>): {
  current?: Digest;
  currentType?: string;
} {
  return {
    ...(digest === undefined ? {} : { current: digest }),
    ...(otherType === undefined ? {} : { currentType: otherType }),
  };
}

/** The tag is not there yet: what remains is whether the image is, in production or in staging. */
function decideAbsent(
  digest: Digest,
  tag: Tag | null,
  at: Place,
  state: DecisionState,
  source: SourceReading | undefined,
): PlannedEdge {
  const reading = state.digests.get(digest);
  if (reading === undefined) throw new TypeError(`${digest} was not read`);
  if ("failure" in reading) {
    return { tag, at, verdict: "unread", reason: "destination-unread", failure: reading.failure };
  }
  if (reading.digest !== undefined) {
    return {
      tag,
      at,
      verdict: "tag",
      reason: isUnlisted(digest, state) ? "referrer-unlisted" : "tag-absent",
    };
  }
  switch (source?.state) {
    case "found":
      return { tag, at, verdict: "copy", reason: "digest-absent" };
    case "unread":
      return { tag, at, verdict: "unread", reason: "source-unread", failure: source.failure };
    default:
      return { tag, at, verdict: "lost", reason: "not-in-staging" };
  }
}
