import { type Cause, groupByCause, type Problem, problemOf } from "../errors/index.ts";
import { splitRepository } from "../oci/index.ts";
import type { AbsentEdge } from "./arrival.ts";
import type { ReportedEdge } from "./report.ts";
import type { Finding } from "./verify.ts";

/**
 * What edges that are not as desired come from, each cause with what to do about it.
 * @param everyPlace Keeps all places of each cause, not the first ones alone.
 */
export function causesOf(problems: readonly ReportedEdge[], everyPlace = false): readonly Cause[] {
  return groupByCause(problems.map(problemAt), everyPlace);
}

/** The same of what verification found. */
export function causesOfFindings(findings: readonly Finding[], everyPlace = false): readonly Cause[] {
  const problems = findings.map((finding): Problem => {
    const { kind, destination, message, at, missing, corrupt, failure } = finding;
    const place = { state: kind, what: referenceOf(finding), at };
    if (failure !== undefined) return { ...place, ...problemOf(failure), message, detail: corrupt };
    const { host } = splitRepository(destination);
    const hint = findingHints[kind];
    if (finding.current === undefined) return { ...place, host, message, hint, detail: missing };
    return { ...place, host, ...elsewhere(finding), message: "the tag stands at another digest", hint };
  });
  return groupByCause(problems, everyPlace);
}

const findingHints: Readonly<Partial<Record<Finding["kind"], string>>> = {
  "missing-tag": "waybill promote --confirm puts it",
  "missing-image": "waybill promote --confirm copies it, if staging still has it",
  "tag-elsewhere":
    "tags are never moved: give the image a tag of its own, or ask for the digest that stands there",
  "unlisted-referrer":
    "attach it again, or delete its tag and promote again: the list is written before the tag is put",
  incomplete: "delete the image there and promote it again, if staging still has it",
};

/** The same of what production is not known to hold. */
export function causesOfAbsence(absent: readonly AbsentEdge[], everyPlace = false): readonly Cause[] {
  const problems = absent.map((edge): Problem => {
    const { host } = splitRepository(edge.destination);
    return { state: edge.state, what: referenceOf(edge), at: edge.at, host, ...absenceOf(edge) };
  });
  return groupByCause(problems, everyPlace);
}

function absenceOf(edge: AbsentEdge): Omit<Problem, "state" | "what" | "at"> {
  const { state, policy, failure } = edge;
  if (state === "conflict") return conflictAt(edge);
  if (state === "overlap")
    return { message: "the manifests ask for the tag at two digests", hint: overlapHint };
  if (state === "refused") return refusedBy(policy);
  if (state === "missing") return { message: "not there yet" };
  const problem = failure === undefined ? { message: "unknown" } : problemOf(failure);
  return { ...problem, message: `could not be read: ${problem.message}` };
}

function referenceOf({
  destination,
  tag,
  digest,
}: Pick<ReportedEdge, "destination" | "tag" | "digest">): string {
  return tag === null ? `${destination}@${digest}` : `${destination}:${tag}`;
}

/** Where a tag stands instead. */
type Standing = Pick<ReportedEdge, "current" | "currentType">;

function elsewhere({ current, currentType }: Standing): Pick<Problem, "detail"> {
  const kind = currentType === undefined ? "" : `, which is no image (${currentType})`;
  return { detail: `it stands at ${current}${kind}` };
}

function conflictAt(standing: Standing): Pick<Problem, "message" | "detail" | "hint"> {
  return {
    message: "the tag stands at another digest in production; tags are never moved",
    ...elsewhere(standing),
    hint: "give the image a tag of its own, or ask for the digest that stands there",
  };
}

function refusedBy(policy: string | undefined): Pick<Problem, "message" | "hint"> {
  return {
    message: `provenance is demanded at ${policy} and cannot be evaluated yet`,
    hint: "promote it once policies can be evaluated, or set the mode to warn",
  };
}

const overlapHint = "keep the tag at one digest: waybill check shows the lines";

function problemAt(edge: ReportedEdge): Problem {
  return { state: edge.state, what: referenceOf(edge), at: edge.at, ...reasonOf(edge) };
}

/** Why, in words that are the same for all edges with the same cause. */
function reasonOf(edge: ReportedEdge): Omit<Problem, "state" | "what" | "at"> {
  const { destination, source, state, why, failure, reason } = edge;
  const { host } = splitRepository(destination);
  if (failure !== undefined) {
    const problem = problemOf(failure);
    if (state !== "unread") return problem;
    const side = reason === "source-unread" ? "staging" : "production";
    return { ...problem, message: `${side} could not be read: ${problem.message}` };
  }
  switch (state) {
    case "conflict":
      return { host, ...conflictAt(edge) };
    case "lost":
      return {
        host: splitRepository(source).host,
        message: "the image is in neither production nor staging",
        detail: source,
        hint: "push it to staging again, or correct the digest",
      };
    case "overlap":
      return { host, message: "two digests claim the tag", detail: why, hint: overlapHint };
    case "refused":
      return { host, ...refusedBy(edge.policy) };
    case "withheld":
      return {
        host,
        message: "it could be done now, but the saved plan does not hold it",
        hint: "make and review a new plan: waybill plan --out FILE",
      };
    default:
      return { host, message: why ?? "not begun" };
  }
}
