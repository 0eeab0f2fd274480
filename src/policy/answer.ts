import { firstOf, listed, printable } from "../diagnostics/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import { type Digest, hexOf } from "../oci/index.ts";
import { type Claims, claimsOfAny } from "./distinct.ts";
import type { AcceptedStatement, Evidence, EvidenceItem, PolicyOutcome } from "./model.ts";

/** What a demand says of an image, or of one manifest of it. */
export interface DemandAnswer {
  readonly outcome: Exclude<PolicyOutcome, "excepted">;
  /** A part of a sentence, without a full stop. */
  readonly why: string;
  readonly accepted: readonly AcceptedStatement[];
  readonly failure?: FailureRecord | undefined;
  /** Who has signed what satisfied it: on the manifest, or on each of the platforms. Absent where nobody had to. */
  readonly signers?: readonly (readonly string[])[] | undefined;
  /** Of a whole demand that is satisfied: whose statements count for it, and for no other one of their kind beside it. */
  readonly claims?: Claims | undefined;
  /** The level of SLSA's build track that was verified, where provenance was asked for: of several the lowest. */
  readonly level?: number | undefined;
  /** It is missing although there is something of the kind: an index is not judged by its platforms then. */
  readonly isFinal?: boolean | undefined;
}

/** What is said of one statement. */
export type StatementJudgement =
  /** `signer`: what tells whoever signed it from others. */
  | { readonly passes: true; readonly why: string; readonly signer?: string; readonly level?: number }
  /** `isUnknown`: nobody knows here whether it would pass. */
  | { readonly passes: false; readonly why: string; readonly isUnknown?: boolean };

/** Statements that are looked for on a manifest. */
export interface Wanted {
  /** With its article: "an SBOM". */
  readonly what: string;
  /** Whether a statement is one of those. */
  concerns(item: EvidenceItem): boolean;
  judge(item: EvidenceItem): StatementJudgement;
}

/** Reasons and names that are told; of more their number is. */
const maxTold = 3;

/**
 * What statements on one manifest say: one that passes is enough, and those beside it do no harm. Otherwise what could not be
 * read may have been it; then come those that were refused.
 */
export function answerOf(evidence: Evidence, { what, concerns, judge }: Wanted): DemandAnswer {
  const judged = evidence.items.filter(concerns).map((item) => ({ item, ...judge(item) }));
  const passed = judged.filter(({ passes }) => passes);
  const accepted = eachOnce(passed.map(({ item }) => item));
  // Each was judged by itself, so that the highest level counts, and of several the first.
  const levelOf = (each: StatementJudgement): number => (each.passes ? (each.level ?? 0) : 0);
  const highest = Math.max(0, ...passed.map(levelOf));
  const best = passed.find((each) => levelOf(each) === highest);
  if (best !== undefined) {
    const signers = passed.flatMap((each) => (each.passes && each.signer !== undefined ? [each.signer] : []));
    const why = `${best.why}, in ${shortDigest(best.item.manifest)}`;
    const level = highest === 0 ? {} : { level: highest };
    return { outcome: "satisfied", why, accepted, signers: [[...new Set(signers)]], ...level };
  }
  if (evidence.unread.length > 0) return unreadable(what, evidence.unread);
  if (judged.length === 0) return { outcome: "missing", why: `there is no ${bare(what)}`, accepted };
  const isUnknown = judged.some((each) => !each.passes && each.isUnknown === true);
  const reasons = judged.map(({ item, why }) => `${shortDigest(item.manifest)}: ${why}`);
  return {
    outcome: isUnknown ? "unreadable" : "failed",
    why: `no ${bare(what)} counts: ${firstOf([...new Set(reasons)], maxTold)}`,
    accepted,
  };
}

/** The answer of a manifest of which something could not be read that may have been what was looked for. */
export function unreadable(what: string, unread: readonly FailureRecord[]): DemandAnswer {
  const [failure] = unread;
  const more = unread.length > 1 ? ` (and ${unread.length - 1} more)` : "";
  return {
    outcome: "unreadable",
    why: `whether there is ${what} is unknown: ${printable(failure?.message ?? "something could not be read")}${more}`,
    accepted: [],
    failure,
  };
}

/**
 * What is said of an image with its platforms: what hangs on the index decides where there is anything of the kind, and otherwise
 * all platforms have to have it. So builders of platforms alone are enough, and what is refused on the index is never outweighed.
 */
export function onImageOrPlatforms(
  evidence: Evidence,
  answer: (each: Evidence) => DemandAnswer,
): DemandAnswer {
  const own = answer(evidence);
  if (own.outcome !== "missing" || own.isFinal === true || evidence.platforms.length === 0) return own;
  const each = evidence.platforms.map(({ platform, evidence }) => ({ platform, answer: answer(evidence) }));
  const accepted = eachOnce([...own.accepted, ...each.flatMap(({ answer }) => answer.accepted)]);
  const open = each.filter(({ answer }) => answer.outcome !== "satisfied");
  const worst = open.find(({ answer }) => answer.outcome === worstOf(open.map((one) => one.answer)));
  if (worst === undefined) {
    const ways = [...new Set(each.map(({ answer }) => answer.why))];
    const signers = each.flatMap(({ answer }) => answer.signers ?? [[]]);
    const why = `on each platform: ${firstOf(ways, maxTold)}`;
    return { outcome: "satisfied", why, accepted, signers, ...lowestOf(each.map((one) => one.answer)) };
  }
  const { outcome, failure } = worst.answer;
  const reasons = open.map(({ platform, answer }) => `${printable(platform)}: ${answer.why}`);
  return { outcome, why: `${own.why}; ${firstOf(reasons, maxTold)}`, accepted, failure };
}

/** All of them have to be satisfied. */
export function allOf(answers: readonly DemandAnswer[]): DemandAnswer {
  return enoughOf(answers, answers.length);
}

/**
 * So many have to be satisfied. What is unknown makes the whole unknown only where it could be enough; what is there and not
 * allowed is told before what is missing.
 */
export function enoughOf(answers: readonly DemandAnswer[], count: number): DemandAnswer {
  const accepted = eachOnce(answers.flatMap((answer) => answer.accepted));
  const satisfied = answers.filter(({ outcome }) => outcome === "satisfied");
  if (satisfied.length >= count) {
    const claims = satisfied.map((answer) => answer.claims ?? []);
    return {
      outcome: "satisfied",
      why: listed(unique(satisfied.map(({ why }) => why))),
      accepted,
      claims: count === 1 ? claimsOfAny(claims) : claims.slice(0, count).flat(),
      ...lowestOf(satisfied),
    };
  }
  const open = answers.filter(({ outcome }) => outcome !== "satisfied");
  const unknown = open.filter(({ outcome }) => outcome === "unreadable");
  const mayBeEnough = satisfied.length + unknown.length >= count;
  const outcome = mayBeEnough ? "unreadable" : worstOf(open);
  const of = count === answers.length ? "" : `${satisfied.length} of ${count} that are needed: `;
  const why = `${of}${firstOf(unique(open.map((each) => each.why)), maxTold)}`;
  return { outcome, why, accepted, failure: unknown[0]?.failure };
}

/** The lowest level among those that have one. */
function lowestOf(answers: readonly DemandAnswer[]): Pick<DemandAnswer, "level"> {
  const levels = answers.flatMap(({ level }) => level ?? []);
  return levels.length === 0 ? {} : { level: Math.min(...levels) };
}

function worstOf(answers: readonly DemandAnswer[]): Exclude<DemandAnswer["outcome"], "satisfied"> {
  const outcomes = new Set(answers.map(({ outcome }) => outcome));
  return outcomes.has("failed") ? "failed" : outcomes.has("missing") ? "missing" : "unreadable";
}

/** Where these statements are, each once. */
export function eachOnce(statements: readonly AcceptedStatement[]): readonly AcceptedStatement[] {
  const places = statements.map(
    ({ manifest, layer, content, tag }) =>
      [
        `${manifest} ${layer}`,
        { manifest, layer, ...(content && { content }), ...(tag && { tag }) },
      ] as const,
  );
  return [...new Map(places).values()];
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

function bare(what: string): string {
  return what.replace(/^an? /, "");
}

/** As much of a digest as people compare. */
export function shortDigest(digest: Digest): string {
  return `sha256:${hexOf(digest).slice(0, 12)}`;
}
