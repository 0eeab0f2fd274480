import { printable } from "../diagnostics/index.ts";
import { provenanceTypes } from "../slsa/index.ts";
import {
  allOf,
  answerOf,
  type DemandAnswer,
  enoughOf,
  onImageOrPlatforms,
  type StatementJudgement,
  unreadable,
} from "./answer.ts";
import { baseImageAnswer, isSbomType, platformsAnswer, sbomAnswer } from "./content.ts";
import type { DemandContext } from "./demand-context.ts";
import { distinct } from "./distinct.ts";
import type { Evidence, EvidenceItem } from "./model.ts";
import { provenanceAnswer } from "./provenance.ts";
import type { AttestationDemand, Demand, SignatureDemand } from "./rule.ts";
import { signerId, signerWords } from "./signers.ts";
import { ageFault, isOfType, isSignature, signerOf } from "./statements.ts";
import { vulnerabilityAnswer } from "./vulnerabilities/judge.ts";

/** What a demand says of an image. */
export function demandAnswer(demand: Demand, evidence: Evidence, asked: DemandContext): DemandAnswer {
  const answer = answerTo(demand, evidence, asked);
  const kind = signedKind(demand);
  if (kind === undefined || answer.outcome !== "satisfied") return answer;
  return { ...answer, claims: [{ kind, signers: answer.signers ?? [[]] }] };
}

function answerTo(demand: Demand, evidence: Evidence, asked: DemandContext): DemandAnswer {
  const { now } = asked;
  switch (demand.kind) {
    case "all":
      return allOf(demand.of.map((each) => demandAnswer(each, evidence, asked)));
    case "any":
      return enoughOf(
        demand.of.map((each) => demandAnswer(each, evidence, asked)),
        1,
      );
    case "at-least":
      return atLeast(demand, evidence, asked);
    case "signature":
      return onImageOrPlatforms(evidence, (each) =>
        answerOf(each, {
          what: "a signature",
          concerns: isSignature,
          judge: (item) => judgeSigned(item, demand, now),
        }),
      );
    case "attestation":
      return onImageOrPlatforms(evidence, (each) =>
        answerOf(each, {
          what: `a statement of the type ${printable(demand.predicateType)}`,
          concerns: (item) => isOfType(item, demand.predicateType),
          judge: (item) => judgeSigned(item, demand, now),
        }),
      );
    case "provenance":
      return onImageOrPlatforms(evidence, (each) => provenanceAnswer(each, demand, asked));
    case "sbom":
      return sbomAnswer(evidence, demand, now);
    case "vulnerabilities":
      return onImageOrPlatforms(evidence, (each) => vulnerabilityAnswer(each, demand, asked));
    case "platforms":
      return platformsAnswer(evidence, demand);
    case "base":
      return baseImageAnswer(evidence, demand, now);
    case "broken":
      return { outcome: "unreadable", why: demand.why, accepted: [] };
  }
}

/** Whether something is signed by one of those who may, and not too old. */
function judgeSigned(
  item: EvidenceItem,
  demand: SignatureDemand | AttestationDemand,
  now: Date,
): StatementJudgement {
  const signer = signerOf(item, demand.by);
  if (!("by" in signer)) return signer;
  const old = ageFault(item, signer.signedAt, demand.maxAge, now);
  if (old !== undefined) return { passes: false, why: old };
  const what = demand.kind === "signature" ? "signed" : `${printable(demand.predicateType)}, signed`;
  return { passes: true, why: `${what} by ${signerWords(signer.by)}`, signer: signerId(signer.by) };
}

/** So many of several; what is signed, of one kind by so many signers. */
function atLeast(
  { count, of }: Extract<Demand, { readonly kind: "at-least" }>,
  evidence: Evidence,
  asked: DemandContext,
): DemandAnswer {
  const all = of.map((each) => demandAnswer(each, evidence, asked));
  const met = all.filter(({ outcome }) => outcome === "satisfied");
  const counting = distinct(met.map(({ claims = [] }) => claims));
  const surplus = new Set(met.filter((_, number) => !counting.has(number)));
  const unread = [evidence, ...evidence.platforms.map((each) => each.evidence)].flatMap(
    (each) => each.unread,
  );
  const answers = all.map((answer): DemandAnswer => {
    if (!surplus.has(answer)) return answer;
    const { accepted } = answer;
    if (unread.length > 0) return { ...unreadable("one by another signer as well", unread), accepted };
    return { outcome: "missing", why: `there is none by another signer: ${answer.why}`, accepted };
  });
  return enoughOf(answers, count);
}

/** The kind of statements that meet a demand, so that one statement may meet two of them; `undefined` where nobody has to sign. */
function signedKind(demand: Demand): string | undefined {
  switch (demand.kind) {
    case "signature":
    case "provenance":
      return demand.kind;
    case "sbom":
      return demand.by === undefined ? undefined : "sbom";
    case "base":
      return demand.by.length === 0 ? undefined : "base";
    case "attestation": {
      const { predicateType } = demand;
      if (provenanceTypes.includes(predicateType)) return "provenance";
      return isSbomType(predicateType) ? "sbom" : `attestation ${predicateType}`;
    }
    default:
      return undefined;
  }
}
