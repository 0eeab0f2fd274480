import { formatPlace } from "../diagnostics/index.ts";
import { type Cause, groupByCause, type Problem, problemOf } from "../errors/index.ts";
import { splitRepository } from "../oci/index.ts";
import type { AbsentEdge } from "./arrival.ts";
import type { Finding } from "./finding.ts";
import type { ImageDetails } from "./images.ts";
import type { PolicyRefusal } from "./plan.ts";
import type { PlannedEdge } from "./planned-images.ts";
import type { ReportedEdge } from "./report.ts";

/**
 * What comes of what verification found, each cause with what to do about it.
 * @param everyPlace Keeps all places of each cause, not the first ones alone.
 * @param tree What stands behind the verb in a line that mends something: the manifests, and the settings where they are named.
 */
export function causesOfFindings(
  findings: readonly Finding[],
  everyPlace = false,
  tree = "TREE",
): readonly Cause[] {
  const problems = findings.map((finding): Problem => {
    const { kind, destination, message, at, missing, corrupt, failure } = finding;
    const place = { state: kind, what: referenceOf(finding), at };
    if (failure !== undefined) return { ...place, ...problemOf(failure), message, detail: corrupt };
    const { host } = splitRepository(destination);
    const hint = (finding.hint ?? findingHints[kind])?.replace("TREE", () => tree);
    if (finding.current === undefined) {
      // What is said of a list names whose it is, and what it lacks.
      const pattern = kind === "unlisted-referrer" ? kind : undefined;
      return { ...place, host, message, pattern, hint, detail: missing };
    }
    return { ...place, host, ...elsewhere(finding), message: "the tag stands at another digest", hint };
  });
  return groupByCause(problems, everyPlace);
}

const findingHints: Readonly<Partial<Record<Finding["kind"], string>>> = {
  "missing-tag": "waybill promote TREE --confirm puts it",
  "missing-image": "waybill promote TREE --confirm copies it, if staging still has it",
  "tag-elsewhere":
    "tags are never moved: give the image a tag of its own, or ask for the digest that stands there",
  "unlisted-referrer":
    "attach it again, or delete its tag and promote again: the list is written before the tag is put",
  "missing-attachment": "waybill promote TREE --confirm attaches it; what is not to travel: trust.travel",
  unsigned: "have whoever vouches for it sign it, or say in a policy what is wanted in place of a signature",
  "not-verified":
    "name its key or a trusted root in waybill.yaml, section trust; waybill inspect --referrers shows all",
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
  const { state, failure } = edge;
  if (state === "conflict") return conflictAt(edge);
  if (state === "overlap")
    return { message: "the manifests ask for the tag at two digests", hint: overlapHint };
  if (state === "missing") return { message: "not there yet" };
  const problem: Pick<Problem, "message" | "pattern"> =
    failure === undefined ? { message: "unknown" } : problemOf(failure);
  return unreadProblem(problem, "could not be read: ");
}

/** A problem that kept something from being read, with the words that say so before its own. */
export function unreadProblem<Of extends Pick<Problem, "message" | "pattern">>(
  problem: Of,
  words: string,
): Of {
  const { message, pattern } = problem;
  return { ...problem, message: `${words}${message}`, pattern: pattern && `${words}${pattern}` };
}

/** An image by its tag, or by its digest where it has none. */
export function referenceOf({
  destination,
  tag,
  digest,
}: Pick<ImageDetails, "destination" | "tag" | "digest">): string {
  return tag === null ? `${destination}@${digest}` : `${destination}:${tag}`;
}

type Standing = Pick<ImageDetails, "current" | "currentType">;

function elsewhere({ current, currentType }: Standing): Pick<Problem, "detail"> {
  const kind = currentType === undefined ? "" : `, which is no image (${currentType})`;
  return { detail: `it stands at ${current}${kind}` };
}

/** That a tag stands at another digest. */
export function conflictAt(standing: Standing): Pick<Problem, "message" | "detail" | "hint"> {
  return {
    message: "the tag stands at another digest in production; tags are never moved",
    ...elsewhere(standing),
    hint: "give the image a tag of its own, or ask for the digest that stands there",
  };
}

/** That a policy stands against it, and what it says. */
export function refusalInWords({ name, at, why }: PolicyRefusal): string {
  return `the policy ${name} (${formatPlace(at)}) is not satisfied: ${why}`;
}

/** The same in words that all images have in common which it stands against for the same. */
export function refusedBy({
  reason,
  policy,
  why,
  hint,
}: Pick<ReportedEdge, "reason" | "policy" | "why" | "hint">): Pick<Problem, "message" | "detail" | "hint"> {
  const where = policy === undefined ? "" : ` at ${policy}`;
  const message =
    reason === "policy-failed"
      ? `what a policy${where} demands is there, and is not true or not allowed`
      : `what a policy${where} demands is not there`;
  return { message, detail: why, hint };
}

/** Which digests claim a tag, and where. */
export function claimsInWords({ claims = [] }: Pick<PlannedEdge, "claims">): string {
  return claims.map(({ digest, at }) => `${digest} (${formatPlace(at)})`).join(", ");
}

export const overlapHint = "keep the tag at one digest: waybill check shows the lines";
