import { type Diagnostic, formatPlace, type Place } from "../diagnostics/index.ts";
import { type Cause, type FailureRecord, groupByCause, type Problem, problemOf } from "../errors/index.ts";
import { refusalInWords, refusedBy, unreadProblem } from "./image-problems.ts";
import type { ImageDetails } from "./images.ts";
import { isInterrupted } from "./interruption.ts";
import { allKinds } from "./kinds.ts";
import { type Decision, limitsIn, type Plan, type PolicyRefusal } from "./plan.ts";
import { imageKind } from "./planned-images.ts";
import { judgementsOf, type ReportedJudgement } from "./policies.ts";
import { leftBehindIn, type ReportedLeftBehind } from "./referrers/left-behind.ts";
import type { EdgeDetails, Outcome, SectionEdge, SectionKind } from "./section.ts";
import type { Traffic } from "./traffic.ts";
import {
  type EdgeState,
  isProblem,
  isWork,
  noStates,
  type Reason,
  unreadWords,
  type WorkVerdict,
} from "./verdicts.ts";

/** An edge, and what kind of section it is of. */
export interface EdgeOfKind extends EdgeDetails {
  readonly kind: string;
}

/** One edge of the report, with what its kind alone says of it. */
export interface ReportedEdge extends EdgeOfKind {
  /** `file:line:column` of the line that asks for it. */
  readonly at: string;
  /** The same as data. */
  readonly place: Place;
  readonly state: EdgeState;
  /** What was to be done, when something was. */
  readonly action: WorkVerdict | undefined;
  /** Why, in words, when it is not as desired. */
  readonly why: string | undefined;
  readonly failure: FailureRecord | undefined;
  /** Why it has the verdict that stops it, or that a list of referrers is to be mended with it. */
  readonly reason: Reason | undefined;
  /** `file:line:column` of the policy that stands against it. */
  readonly policy: string | undefined;
  /** What to do about what the policy says. */
  readonly hint?: string | undefined;
}

/** One edge of the report that is about an image. */
export type ReportedImage = ReportedEdge & ImageDetails;

/** Whether an edge is about an image. */
export function isAboutImage<Edge extends EdgeOfKind>(edge: Edge): edge is Edge & ImageDetails {
  return edge.kind === imageKind;
}

/** The result of a promotion, real or dry: plain data. Of a limited plan, all of it is about what is within the limit. */
export interface Report extends Pick<Plan, "since" | "selection"> {
  readonly format: "waybill-report/1";
  /** The plan that was carried out. */
  readonly planHash: string;
  /** Nothing was written because `--confirm` was not given. */
  readonly dryRun: boolean;
  /** Nothing was written because of `--strict`, and something that is not as desired. */
  readonly stopped: boolean;
  /** The run was ended from outside before all was looked at, or done. */
  readonly interrupted: boolean;
  /** Everything is as the manifests ask, or would be after a dry run's work. */
  readonly asDesired: boolean;
  /** Edges by state: `done`, `pending`, `present`, `failed`, and the verdicts that stop one. */
  readonly counts: Readonly<Record<EdgeState, number>>;
  /** Edges that were done, or would be. */
  readonly work: readonly ReportedEdge[];
  /** Edges that are not as desired. */
  readonly problems: readonly ReportedEdge[];
  /** What the problems come from, each with its first places and what to do about it. */
  readonly causes: readonly Cause[];
  /** What policies say of images that there was something to do about: one for each of them that applies to a digest. */
  readonly policies?: readonly ReportedJudgement[];
  /** What hangs on images at their source and does not travel with them, and why. It is no problem. */
  readonly leftBehind?: readonly ReportedLeftBehind[];
  /** Errors of the manifests: each has stopped its own line or project. With a limit, those that are within it. */
  readonly manifestErrors: readonly Diagnostic[];
  /** Errors outside of the limit: they count in a full run. Absent without a limit. */
  readonly outsideErrors?: readonly Diagnostic[];
  /** What it cost, where that was counted. */
  readonly traffic?: Traffic;
}

/**
 * What a plan and its outcomes come to. In a dry run (`outcomes` left out) work is `pending` and counts as desired;
 * in a real one, work without an outcome was never begun and counts as a problem.
 * @param diagnostics What is wrong with the manifests; of a limited plan, what is within the limit.
 */
export function reportPromotion(
  plan: Plan,
  diagnostics: readonly Diagnostic[],
  outcomes?: readonly Outcome[],
  kinds = allKinds,
): Report {
  const counts = { ...noStates(), present: plan.summary.present };
  const work: ReportedEdge[] = [];
  const problems: ReportedEdge[] = [];
  for (const edge of reportedEdges(plan, outcomes, kinds)) {
    counts[edge.state] += 1;
    const canBeDone = edge.state === "pending" && outcomes === undefined && edge.failure === undefined;
    if (edge.state === "done" || canBeDone) work.push(edge);
    else problems.push(edge);
  }
  const policies = judgementsOf(plan);
  const leftBehind = leftBehindIn(plan);
  const manifestErrors = diagnostics.filter(({ severity }) => severity === "error");
  return {
    format: "waybill-report/1",
    planHash: plan.hash,
    ...limitsIn(plan),
    dryRun: outcomes === undefined,
    stopped: false,
    interrupted: problems.some(({ state, failure }) =>
      state === "pending" ? outcomes !== undefined : isInterrupted(failure),
    ),
    asDesired: problems.length === 0 && manifestErrors.length === 0,
    counts,
    work,
    problems,
    causes: causesOf(problems, false, kinds),
    ...(policies.length === 0 ? {} : { policies }),
    ...(leftBehind.length === 0 ? {} : { leftBehind }),
    manifestErrors,
  };
}

/**
 * Every edge that a plan lists, one by one, with what became of it: what is as asked is not among them.
 * @param outcomes Left out, nothing is done yet, and what a dry run would fail with is told.
 */
export function* reportedEdges(
  plan: Pick<Plan, "sections">,
  outcomes?: readonly Outcome[],
  kinds = allKinds,
): Generator<ReportedEdge> {
  const outcomeOf = outcomesByEdge(outcomes ?? []);
  for (const section of plan.sections) {
    const kind = kinds.of(section.kind);
    for (const of of kind.edges(section.items)) {
      const outcome = outcomeOf(of);
      const state = stateOf(of.edge, outcome);
      // What a dry run would only find out by writing.
      const blocked = outcomes === undefined && state === "pending" ? of.missing : undefined;
      yield reportEdge(kind, of, state, outcome?.failure ?? blocked);
    }
  }
}

/** Outcomes by what they are of: one edge may be planned for many destinations at once. */
function outcomesByEdge(outcomes: readonly Outcome[]): (of: SectionEdge) => Outcome | undefined {
  const ended = new Map<Decision, Map<string, Outcome>>();
  for (const outcome of outcomes) {
    const { edge, destination } = outcome.of;
    const known = ended.get(edge) ?? new Map<string, Outcome>();
    ended.set(edge, known.set(destination, outcome));
  }
  return ({ edge, destination }) => ended.get(edge)?.get(destination);
}

function stateOf({ verdict }: Decision, outcome: Outcome | undefined): EdgeState {
  if (!isWork(verdict)) return verdict;
  if (outcome === undefined) return "pending";
  return outcome.failure === undefined ? "done" : "failed";
}

function reportEdge(
  kind: SectionKind,
  of: SectionEdge,
  state: EdgeState,
  failed: FailureRecord | undefined,
): ReportedEdge {
  const { verdict, reason, at, policy } = of.edge;
  return {
    kind: kind.kind,
    ...kind.details(of),
    at: formatPlace(at),
    place: at,
    state,
    action: isWork(verdict) ? verdict : undefined,
    why: explain(kind, of, failed),
    failure: failed ?? of.edge.failure,
    reason: isProblem(verdict) || reason === "referrer-unlisted" ? reason : undefined,
    policy: policy && formatPlace(policy.at),
    ...hintOf(kind, of),
  };
}

/** What to do about all policies that stand against it. */
function hintOf(kind: SectionKind, of: SectionEdge): Pick<ReportedEdge, "hint"> {
  const hints = new Set(refusalsOf(kind, of).flatMap(({ hint }) => hint ?? []));
  return hints.size === 0 ? {} : { hint: [...hints].join("; ") };
}

/** Policies that stand against an edge: that which its plan names, and those that do so beside it. */
function refusalsOf(kind: SectionKind, of: SectionEdge): readonly PolicyRefusal[] {
  const { policy } = of.edge;
  if (policy === undefined) return [];
  const others = kind.refusals?.(of) ?? [];
  const place = formatPlace(policy.at);
  return [policy, ...others.filter(({ name, at }) => name !== policy.name || formatPlace(at) !== place)];
}

function explain(kind: SectionKind, of: SectionEdge, failed: FailureRecord | undefined): string | undefined {
  const { verdict, reason, failure } = of.edge;
  if (failed !== undefined) return describe(failed);
  switch (verdict) {
    case "unread":
      return `${unreadWords(reason)}${failure === undefined ? "unknown" : describe(failure)}`;
    case "refused":
      return refusalsOf(kind, of).map(refusalInWords).join("; ") || "a policy stands against it";
    case "withheld":
      return "it could be done now, but the saved plan does not hold it";
    default:
      return kind.explain(of);
  }
}

function describe({ message, where }: FailureRecord): string {
  return where === undefined ? message : `${where}: ${message}`;
}

/** What reports call an edge: a reference, or a path. */
export function edgeName(edge: EdgeOfKind, kinds = allKinds): string {
  return kinds.of(edge.kind).name(edge);
}

/**
 * What edges that are not as desired come from, each cause with what to do about it.
 * @param everyPlace Keeps all places of each cause, not the first ones alone.
 */
export function causesOf(
  problems: readonly ReportedEdge[],
  everyPlace = false,
  kinds = allKinds,
): readonly Cause[] {
  return groupByCause(
    problems.map((edge) => problemOfEdge(edge, kinds)),
    everyPlace,
  );
}

/** An edge that is not as desired, to be grouped by its cause. */
export function problemOfEdge(edge: ReportedEdge, kinds = allKinds): Problem {
  const reason = reasonOf(kinds.of(edge.kind), edge);
  return { state: edge.state, what: edgeName(edge, kinds), at: edge.at, ...reason };
}

/** Why, in words that are the same for all edges with the same cause. */
function reasonOf(kind: SectionKind, edge: ReportedEdge): Omit<Problem, "state" | "what" | "at"> {
  const { state, why, failure, reason } = edge;
  if (failure !== undefined) {
    const problem = problemOf(failure);
    if (state !== "unread") return problem;
    // One file of a key is the cause of all, whatever registries they are at.
    if (reason === "signer-failed")
      return { ...problem, message: `${unreadWords(reason)}${describe(failure)}` };
    return unreadProblem(problem, unreadWords(reason));
  }
  const host = kind.host(edge);
  switch (state) {
    case "refused":
      return { host, ...refusedBy(edge) };
    case "withheld":
      return {
        host,
        message: "it could be done now, but the saved plan does not hold it",
        hint: "make and review a new plan: waybill plan TREE --out FILE",
      };
    default:
      return { host, message: why ?? "not begun", ...kind.cause(edge) };
  }
}
