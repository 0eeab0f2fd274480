import { formatPlace, type Place } from "../diagnostics/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { Digest, RepositoryName } from "../oci/index.ts";
import type { PolicyVerdict } from "../policy/index.ts";
import type { Plan, PolicyRefusal } from "./plan.ts";
import { type PlannedEdge, type PlannedImage, plannedImages } from "./planned-images.ts";
import { isWork } from "./verdicts.ts";

/** What one policy says of an image, as plans keep it. */
export type ImageJudgement = Omit<PolicyVerdict, "accepted" | "level">;

/** What one policy says of one image of a plan. */
export interface ReportedJudgement {
  readonly digest: Digest;
  readonly source: RepositoryName;
  readonly project: string;
  /** Production repositories that it was asked about. */
  readonly destinations: readonly RepositoryName[];
  readonly policy: string;
  /** `file:line:column` of the policy. */
  readonly at: string;
  readonly mode: PolicyVerdict["mode"];
  readonly outcome: PolicyVerdict["outcome"];
  readonly why: string;
  readonly hint?: string | undefined;
  readonly failure?: FailureRecord | undefined;
}

/** Whether an image is not promoted for what a policy says of it. */
export function isHeldBack({ mode, outcome }: Pick<ImageJudgement, "mode" | "outcome">): boolean {
  return mode === "require" && outcome !== "satisfied" && outcome !== "excepted";
}

/** What a policy says, in one line: its name, what came of it, and what was found, by whom, where. */
export function judgementInWords({
  policy,
  mode,
  outcome,
  why,
}: Pick<ImageJudgement, "policy" | "mode" | "outcome" | "why">): string {
  const isWarning = mode === "warn" && outcome !== "satisfied" && outcome !== "excepted";
  return `policy ${policy} ${outcome}${isWarning ? " (only a warning)" : ""}: ${why}`;
}

/** Outcomes that hold an image back: of several, what is known for certain is told first. */
const gravity = ["failed", "missing", "unreadable"] as const;

/**
 * The image as policies let it be: the work on it is refused where one that requires something is not satisfied, and unread
 * where nobody knows whether it is. What is no work stays what it is, and what they say is kept beside it.
 */
export function underPolicies(image: PlannedImage, verdicts: readonly PolicyVerdict[]): PlannedImage {
  if (verdicts.length === 0) return image;
  const policies = verdicts.map(({ accepted: _, level: _level, ...judgement }): ImageJudgement => judgement);
  const held = heldByPolicies(policies);
  if (held === undefined) return { ...image, policies };
  const edges = image.edges.map((edge) => (isWork(edge.verdict) ? { ...edge, ...held } : edge));
  return { ...image, edges, policies };
}

/** What becomes of work on an image for what policies say of it; `undefined` where nothing stands against it. */
export function heldByPolicies(policies: readonly ImageJudgement[]): HeldBack | undefined {
  const holding = policies.filter(isHeldBack);
  const worst = gravity.flatMap((outcome) => holding.filter((each) => each.outcome === outcome))[0];
  return worst && heldBy(worst);
}

type HeldBack = Pick<PlannedEdge, "verdict" | "reason" | "policy" | "failure">;

/** What a policy that is not satisfied says, as an edge has it. */
export function refusalBy({ policy, at, why, hint }: ImageJudgement): PolicyRefusal {
  return { name: policy, at, why, ...(hint === undefined ? {} : { hint }) };
}

function heldBy(judgement: ImageJudgement): HeldBack {
  const { outcome, why, hint, failure } = judgement;
  const said = refusalBy(judgement);
  if (outcome !== "unreadable") {
    const reason = outcome === "failed" ? "policy-failed" : "policy-missing";
    return { verdict: "refused", reason, policy: said };
  }
  const unread = failure ?? { code: "policy-unreadable", message: why, ...(hint ? { hint } : {}) };
  return { verdict: "unread", reason: "policy-unreadable", policy: said, failure: unread };
}

/** Stands for what a policy says where nobody was given the means to evaluate it. */
export function notEvaluated(at: Place): PolicyVerdict {
  const why = "nobody was asked what vouches for the image";
  const failure = { code: "policy-unreadable", message: why, where: formatPlace(at) };
  return { policy: "provenance", at, mode: "require", outcome: "unreadable", why, failure, accepted: [] };
}

/** What policies say of the images of a plan that they apply to, each digest once, in the order of their sources. */
export function judgementsOf(plan: Pick<Plan, "sections">): readonly ReportedJudgement[] {
  return gatherJudgements(
    plannedImages(plan).flatMap(({ destination, images }) =>
      images.flatMap(({ policies, ...image }) =>
        policies === undefined ? [] : [{ ...image, destination, policies }],
      ),
    ),
  );
}

/** What policies say of an image at one place. */
export interface JudgedAt extends Pick<ReportedJudgement, "digest" | "source" | "project"> {
  readonly destination: RepositoryName;
  readonly policies: readonly ImageJudgement[];
}

/** Puts together what is the same at several places. */
export function gatherJudgements(all: Iterable<JudgedAt>): readonly ReportedJudgement[] {
  const found = new Map<string, ReportedJudgement & { readonly destinations: RepositoryName[] }>();
  for (const { destination, digest, source, project, policies } of all) {
    for (const { at, policy, mode, outcome, why, hint, failure } of policies) {
      const place = formatPlace(at);
      const key = [source, digest, policy, place, outcome, why].join("\n");
      const known = found.get(key);
      const judgement = { policy, at: place, mode, outcome, why, hint, failure };
      if (known !== undefined) known.destinations.push(destination);
      else found.set(key, { digest, source, project, destinations: [destination], ...judgement });
    }
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, judgement]) => judgement);
}
