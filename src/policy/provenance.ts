import { listed, printable, quoted } from "../diagnostics/index.ts";
import { type BuildClaims, buildClaims, isBuilder, isSource, provenanceTypes } from "../slsa/index.ts";
import {
  allOf,
  answerOf,
  type DemandAnswer,
  eachOnce,
  type StatementJudgement,
  unreadable,
} from "./answer.ts";
import { bindingFault } from "./builder-binding.ts";
import { callerFault } from "./caller.ts";
import type { DemandContext } from "./demand-context.ts";
import type { Evidence, EvidenceItem } from "./model.ts";
import type { ProvenanceDemand, SignerPattern, TrustedBuilder } from "./rule.ts";
import { isBy, signerId, signerWords } from "./signers.ts";
import { ageFault, isOfType, signerOf } from "./statements.ts";
import { fitsText } from "./text-pattern.ts";

/**
 * What SLSA provenance on one manifest says, as kpromo judges it (promoter/image/provenance/evaluate.go): signed by one of the
 * signers, who claims a builder that he may claim, from one of the sources, at the level that is demanded; and a statement of
 * each further type by any of the signers; at the level that the image has to reach. Everything that such a signer says of the manifest is accepted with it, but
 * provenance only where it passes.
 */
export function provenanceAnswer(
  evidence: Evidence,
  demand: ProvenanceDemand,
  asked: DemandContext,
): DemandAnswer {
  const { now } = asked;
  const read = answerOf(evidence, {
    what: "SLSA provenance",
    concerns: isProvenance,
    judge: (item) => judgeProvenance(item, demand, now),
  });
  const provenance = atLevel(read, requiredLevel(demand, asked.names), evidence, (item) =>
    judgeProvenance(item, demand, now),
  );
  const others = evidence.items.filter((item) => !isProvenance(item) && "by" in signerOf(item, demand.by));
  const accepted = eachOnce([...provenance.accepted, ...others]);
  const types = demand.predicateTypes.map((type) =>
    answerOf(evidence, {
      what: `a statement of the type ${printable(type)}`,
      // Of the type that is demanded already, only what passed counts.
      concerns: (item) => isOfType(item, type),
      judge: (item) => (isProvenance(item) ? judgeProvenance(item, demand, now) : bySigner(item, demand)),
    }),
  );
  const all = types.length === 0 ? provenance : allOf([provenance, ...types]);
  // Without provenance of its own an index is as good as its platforms are, whatever else is missing there.
  return provenance.outcome === "missing"
    ? { ...all, outcome: "missing", accepted }
    : { ...all, accepted, signers: provenance.signers, isFinal: true, level: provenance.level };
}

/** The level that an image has to reach: the highest of those that are about one of its names, or 0. */
function requiredLevel({ levels = [] }: ProvenanceDemand, names: readonly string[]): number {
  const required = levels.filter(({ images }) =>
    images.some((pattern) => names.some((name) => fitsText(pattern, name))),
  );
  return Math.max(0, ...required.map(({ level }) => level));
}

/** The answer where an image has to reach a level: what is below it counts as what it is, and is not enough. */
function atLevel(
  answer: DemandAnswer,
  required: number,
  evidence: Evidence,
  judge: (item: EvidenceItem) => StatementJudgement,
): DemandAnswer {
  const { level = 0, accepted } = answer;
  if (answer.outcome !== "satisfied" || level >= required) return answer;
  const [failure] = evidence.unread;
  if (failure !== undefined)
    return { ...unreadable(`provenance of level ${required}`, evidence.unread), accepted, level };
  const refusals = evidence.items.filter(isProvenance).map(judge);
  const reasons = refusals.flatMap((each) => (each.passes ? [] : [each.why]));
  const isUnknown = refusals.some((each) => !each.passes && each.isUnknown === true);
  const why = `its provenance reaches level ${level} at most, and ${required} is demanded of this image`;
  return {
    outcome: isUnknown ? "unreadable" : "failed",
    why: [why, ...new Set(reasons)].slice(0, 4).join("; "),
    accepted,
    level,
  };
}

function isProvenance({ statement }: EvidenceItem): boolean {
  return statement !== undefined && provenanceTypes.includes(statement.predicateType);
}

function bySigner(item: EvidenceItem, demand: ProvenanceDemand): StatementJudgement {
  const signer = signerOf(item, demand.by);
  return "by" in signer ? { passes: true, why: `signed by ${signerWords(signer.by)}` } : signer;
}

function judgeProvenance(item: EvidenceItem, demand: ProvenanceDemand, now: Date): StatementJudgement {
  const signer = signerOf(item, demand.by);
  if (!("by" in signer)) return signer;
  const claimable = claimableBuilders(demand, (pattern) => isBy(pattern, signer.by));
  if (claimable.length === 0) return refused("its signer may claim no builder of the policy");
  const claims = buildClaims(item.statement?.predicate);
  if (claims === undefined) return refused("it cannot be understood");
  const old = ageFault(item, signer.signedAt, demand.maxAge, now);
  if (old !== undefined) return refused(old);
  const { builder = "" } = claims;
  const source = demand.sources.find((expected) => isSource(expected, claims.source ?? ""));
  if (source === undefined)
    return refused(
      claims.source === undefined
        ? "it names no source"
        : `it is from ${quoted(claims.source)}, no source of the policy`,
    );
  const controls: readonly Control[] = [
    [2, claimable.some(({ id }) => isBuilder(id, builder)) ? undefined : noBuilder(builder)],
    [2, bindingFault(builder, signer.by, source)],
    [2, claims.buildType === undefined ? "it does not say what kind of build it was" : undefined],
    [3, claims.invocation === undefined ? "it does not say which run it was" : undefined],
    [3, claims.materials.length === 0 ? "it does not say what went in" : undefined],
  ];
  // A lower level than 2 would not look at builders.
  const needed = demand.level === undefined ? 3 : Math.max(demand.level, 2);
  const [, fault] = controls.find(([level, fault]) => level <= needed && fault !== undefined) ?? [];
  if (fault !== undefined) return refused(fault);
  const called = callerFault(claims, claimable, signer.by, demand.sources);
  if (called !== undefined) return refused(called);
  // Who may claim several builders may have claimed the better one.
  const ceiling = Math.min(...claimable.map(({ level = 3 }) => level));
  if (demand.level !== undefined && ceiling < demand.level)
    return refused(
      `its signer may claim ${listed(claimable.map(({ id }) => printable(id)))}, which reach level ${ceiling}, and ${demand.level} is demanded`,
    );
  const level = levelOf(controls, ceiling);
  const why = passed(claims, level, signerWords(signer.by));
  return { passes: true, why, level, signer: signerId(signer.by) };
}

/** What is demanded from a level on, and what is wrong with it. */
type Control = readonly [level: 2 | 3, fault: string | undefined];

function levelOf(controls: readonly Control[], ceiling: number): number {
  const broken = controls.filter(([, fault]) => fault !== undefined).map(([level]) => level - 1);
  return Math.min(ceiling, ...broken, 3);
}

function passed({ builder = "", source = "" }: BuildClaims, level: number, signer: string): string {
  return `built by ${printable(builder)} from ${printable(source)} (SLSA level ${level}), signed by ${signer}`;
}

function noBuilder(builder: string): string {
  return builder === ""
    ? "it names no builder"
    : `its builder ${quoted(builder)} is none that its signer may claim`;
}

/**
 * The builders that somebody may claim: those that name him; and where no builder does, those that name nobody. So whoever is
 * named for one builder cannot claim another one.
 */
function claimableBuilders(
  { by, builders }: ProvenanceDemand,
  isSigner: (pattern: SignerPattern) => boolean,
): readonly TrustedBuilder[] {
  const named = builders.filter(({ signers = [] }) =>
    signers.some((number) => {
      const pattern = by[number];
      return pattern !== undefined && isSigner(pattern);
    }),
  );
  return named.length > 0 ? named : builders.filter(({ signers }) => signers === undefined);
}

function refused(why: string): StatementJudgement {
  return { passes: false, why };
}
