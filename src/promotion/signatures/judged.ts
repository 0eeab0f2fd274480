import { type FailureRecord, WaybillError } from "../../errors/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { PolicyVerdict } from "../../policy/index.ts";
import type { SignedHere } from "../../trust/index.ts";
import type { Judged } from "../judging.ts";
import { heldByPolicies, isHeldBack } from "../policies.ts";

/** What a summary says came of policies. */
export type SummaryResult = NonNullable<SignedHere["summary"]>["result"];

/** What a summary has to say, to be the one that is asked for. */
export interface WantedSummary {
  /** `undefined` while nobody knows. */
  readonly result: SummaryResult | undefined;
  readonly level: string;
  /** Any that stands says what was known when more was known. */
  readonly isGone: boolean;
}

/** The summary that is wanted of an image. */
export function wantedSummary({ verdicts, isGone }: Judged): WantedSummary {
  return { result: summaryResult(verdicts), level: buildLevel(verdicts), isGone };
}

/**
 * What a summary of one platform of an index tells: what policies say of what hangs on it, where that satisfies them by itself.
 * Of any other it claims no level and takes nothing in, and it fails as its index does (kpromo, docs/image-promotion.md).
 */
export function judgedPlatform(index: Judged, own: Judged): Judged {
  const isOwn = summaryResult(own.verdicts) !== "FAILED";
  if (isOwn) return own;
  const verdicts = index.verdicts.map((verdict) => ({ ...verdict, accepted: [], level: 0 }));
  return { verdicts, isGone: index.isGone };
}

/**
 * What summaries of an image, which is the first of its subjects, and of its platforms tell.
 * @param judge What policies say of one of them.
 */
export async function judgedSubjects(
  [root, ...platforms]: readonly Digest[],
  judge: (digest: Digest) => Promise<Judged>,
): Promise<ReadonlyMap<Digest, Judged>> {
  if (root === undefined) return new Map();
  const index = await judge(root);
  const others = platforms.map(
    async (digest) => [digest, judgedPlatform(index, await judge(digest))] as const,
  );
  return new Map([[root, index] as const, ...(await Promise.all(others))]);
}

/** Levels of SLSA's build track, as summaries name them. */
export const buildLevels = "SLSA_BUILD_LEVEL_";

/** The lowest level that policies have verified; where one of them should have and did not, none is claimed. */
export function buildLevel(verdicts: readonly PolicyVerdict[]): string {
  const levels = inForce(verdicts).flatMap(({ level }) => level ?? []);
  const lowest = levels.length === 0 ? 0 : Math.min(...levels);
  return `${buildLevels}${lowest === 0 ? "UNEVALUATED" : lowest}`;
}

/** What a summary says of these verdicts; `undefined` while one of them is not known. */
export function summaryResult(verdicts: readonly PolicyVerdict[]): SummaryResult | undefined {
  if (unreadable(verdicts) !== undefined) return undefined;
  const isPassed = inForce(verdicts).every((verdict) => !isHeldBack({ ...verdict, mode: "require" }));
  return isPassed ? "PASSED" : "FAILED";
}

/** Verdicts that a summary tells of. */
export function inForce(verdicts: readonly PolicyVerdict[]): readonly PolicyVerdict[] {
  return verdicts.filter(({ mode }) => mode !== "off");
}

/** What keeps a summary from being signed, as an edge of a plan has it: nobody knows what one of the policies says. */
export function unreadable(verdicts: readonly PolicyVerdict[]): ReturnType<typeof heldByPolicies> {
  const unknown = inForce(verdicts).filter(({ outcome }) => outcome === "unreadable");
  return heldByPolicies(unknown.map((verdict) => ({ ...verdict, mode: "require" })));
}

/** Why no summary is signed now. */
export function unknownResult(failure: FailureRecord | undefined): WaybillError {
  const why = failure === undefined ? "" : `: ${failure.message}`;
  return new WaybillError("policy-unreadable", `nobody knows what a policy says of the image${why}`, {
    where: failure?.where,
    hint: "run again when it can be read: no summary is signed before",
  });
}
