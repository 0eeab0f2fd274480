import type { Diagnostic } from "../diagnostics/index.ts";
import type { Cause, FailureRecord } from "../errors/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { Outcome } from "./apply.ts";
import { isInterrupted } from "./interruption.ts";
import {
  isProblem,
  isWork,
  type Plan,
  type PlannedEdge,
  type PlannedImage,
  type Reason,
  type Since,
  type Verdict,
} from "./plan.ts";
import { causesOf } from "./problem-causes.ts";
import type { Traffic } from "./traffic.ts";

/** What became of an edge, for the report: `done`, `failed`, `pending` (not begun), or the plan's verdict. */
export type EdgeState = "done" | "failed" | "pending" | Exclude<Verdict, "copy" | "tag">;

/** One edge of the report. */
export interface ReportedEdge {
  readonly destination: RepositoryName;
  readonly tag: Tag | null;
  readonly digest: Digest;
  readonly source: RepositoryName;
  readonly project: string;
  /** `file:line:column` of the line that asks for it. */
  readonly at: string;
  readonly state: EdgeState;
  /** What was to be done, when something was. */
  readonly action?: "copy" | "tag";
  /** Why, in words, when it is not as desired. */
  readonly why?: string;
  readonly failure?: FailureRecord;
  /** Why it has the verdict that stops it, or that a list of referrers is to be mended with it. */
  readonly reason?: Reason;
  /** The digest that the tag stands at in production, when that is another one. */
  readonly current?: Digest;
  /** The media type of what it stands for there, when that is no image. */
  readonly currentType?: string;
  /** `file:line:column` of the policy that refuses it. */
  readonly policy?: string;
}

/** The result of a promotion, real or dry: plain data. */
export interface Report {
  readonly format: "waybill-report/1";
  readonly planHash: string;
  /** What the plan was limited to; everything below is about that alone. Absent when nothing was left out. */
  readonly since?: Since;
  /** Nothing was written because nobody asked for it. */
  readonly dryRun: boolean;
  /** Nothing was written because `strict` was asked for and something is not as desired. */
  readonly stopped: boolean;
  /** The run was ended from outside before all was looked at, or done. */
  readonly interrupted: boolean;
  /** Everything is as the manifests ask, or would be after a dry run's work. */
  readonly asDesired: boolean;
  readonly counts: Readonly<Record<EdgeState, number>>;
  /** Edges that were done, or would be. */
  readonly work: readonly ReportedEdge[];
  /** Edges that are not as desired. */
  readonly problems: readonly ReportedEdge[];
  /** What the problems come from, each with its first places and what to do about it. */
  readonly causes: readonly Cause[];
  /** Errors of the manifests: each has stopped its own line or project. With a limit, those that came since. */
  readonly manifestErrors: readonly Diagnostic[];
  /** Errors that the manifests had before, outside of the limit: they count in a full run. Absent without a limit. */
  readonly outsideErrors?: readonly Diagnostic[];
  /** What it cost, where that was counted. */
  readonly traffic?: Traffic;
}

/**
 * What a plan and its outcomes come to. In a dry run (`outcomes` left out) work is `pending` and counts as desired;
 * in a real one, work without an outcome was never begun and counts as a problem.
 * @param diagnostics What is wrong with the manifests; of a limited plan, what came since.
 */
export function reportPromotion(
  plan: Plan,
  diagnostics: readonly Diagnostic[],
  outcomes?: readonly Outcome[],
): Report {
  const counts: Record<EdgeState, number> = {
    done: 0,
    failed: 0,
    pending: 0,
    present: 0,
    conflict: 0,
    lost: 0,
    overlap: 0,
    unread: 0,
    refused: 0,
    withheld: 0,
  };
  const ended = new Map(outcomes?.map((outcome) => [outcome.edge, outcome]));
  const work: ReportedEdge[] = [];
  const problems: ReportedEdge[] = [];
  for (const { destination, missing, images } of plan.repositories) {
    // What a dry run would only find out by writing.
    const blocked = outcomes === undefined ? missing : undefined;
    for (const image of images) {
      for (const edge of image.edges) {
        const edgeState = stateOf(edge, ended.get(edge));
        counts[edgeState] += 1;
        if (edgeState === "present") continue;
        const failure = ended.get(edge)?.failure ?? (edgeState === "pending" ? blocked : undefined);
        const reported = reportEdge(destination, image, edge, edgeState, failure);
        const canBeDone = edgeState === "pending" && outcomes === undefined && blocked === undefined;
        if (edgeState === "done" || canBeDone) work.push(reported);
        else problems.push(reported);
      }
    }
  }
  const manifestErrors = diagnostics.filter(({ severity }) => severity === "error");
  return {
    format: "waybill-report/1",
    planHash: plan.hash,
    ...(plan.since === undefined ? {} : { since: plan.since }),
    dryRun: outcomes === undefined,
    stopped: false,
    interrupted: problems.some(({ state, failure }) =>
      state === "pending" ? outcomes !== undefined : isInterrupted(failure),
    ),
    asDesired: problems.length === 0 && manifestErrors.length === 0,
    counts,
    work,
    problems,
    causes: causesOf(problems),
    manifestErrors,
  };
}

function stateOf(edge: PlannedEdge, outcome: Outcome | undefined): EdgeState {
  if (edge.verdict !== "copy" && edge.verdict !== "tag") return edge.verdict;
  if (outcome === undefined) return "pending";
  return outcome.failure === undefined ? "done" : "failed";
}

function reportEdge(
  destination: RepositoryName,
  image: PlannedImage,
  edge: PlannedEdge,
  state: EdgeState,
  failed: FailureRecord | undefined,
): ReportedEdge {
  const failure = failed ?? edge.failure;
  const why = explain(edge, image, failed);
  return {
    destination,
    tag: edge.tag,
    digest: image.digest,
    source: image.source,
    project: image.project,
    at: edge.at,
    state,
    ...(edge.verdict === "copy" || edge.verdict === "tag" ? { action: edge.verdict } : {}),
    ...(why === undefined ? {} : { why }),
    ...(failure === undefined ? {} : { failure }),
    ...(isProblem(edge.verdict) || edge.reason === "referrer-unlisted" ? { reason: edge.reason } : {}),
    ...(edge.current === undefined ? {} : { current: edge.current }),
    ...(edge.currentType === undefined ? {} : { currentType: edge.currentType }),
    ...(edge.policy === undefined ? {} : { policy: edge.policy }),
  };
}

/** In words, why an edge is not as desired. */
function explain(
  edge: PlannedEdge,
  image: PlannedImage,
  failed: FailureRecord | undefined,
): string | undefined {
  if (failed !== undefined) return describe(failed);
  switch (edge.verdict) {
    case "conflict":
      return `the tag stands at ${edge.current} in production; tags are never moved`;
    case "lost":
      return `the image is in neither production nor staging (${image.source})`;
    case "overlap":
      return `two digests claim the tag: ${edge.claims?.map(({ digest, at }) => `${digest} (${at})`).join(", ")}`;
    case "unread":
      return `${unreadSide(edge)} could not be read: ${edge.failure === undefined ? "unknown" : describe(edge.failure)}`;
    case "refused":
      return `provenance is demanded at ${edge.policy} and cannot be evaluated yet, so this is not promoted`;
    case "withheld":
      return "it could be done now, but the saved plan does not hold it";
    default:
      return undefined;
  }
}

function unreadSide({ reason }: Pick<PlannedEdge, "reason">): string {
  return reason === "source-unread" ? "staging" : "production";
}

function describe({ message, where }: FailureRecord): string {
  return where === undefined ? message : `${where}: ${message}`;
}

/** Whether production will be as asked when the plan's work is done: with `--strict`, nothing is done otherwise. */
export function planIsClean(plan: Plan): boolean {
  return Object.entries(plan.summary).every(
    ([verdict, count]) => count === 0 || !isProblem(verdict as Verdict),
  );
}

/** How many edges a plan would do. */
export function workOf(plan: Plan): number {
  return Object.entries(plan.summary).reduce(
    (sum, [verdict, count]) => (isWork(verdict as Verdict) ? sum + count : sum),
    0,
  );
}
