import { printable } from "../diagnostics/index.ts";
import { cosignSignature, type SignedBy } from "../sigstore/index.ts";
import { buildClaims, provenanceTypes } from "../slsa/index.ts";
import type { StatementJudgement } from "./answer.ts";
import type { EvidenceItem } from "./model.ts";
import type { SignerPattern } from "./rule.ts";
import { isBy, signerWords } from "./signers.ts";

/** Whether it is a signature of the image itself. An attestation is none, whoever signed it. */
export function isSignature({ statement }: EvidenceItem): boolean {
  return statement?.predicateType === cosignSignature;
}

/** Whether it is a statement of a type. */
export function isOfType({ statement }: EvidenceItem, predicateType: string): boolean {
  return statement?.predicateType === predicateType;
}

/** Who signed it, where that is one of those who may; otherwise why it does not count. */
export function signerOf(
  { signature }: EvidenceItem,
  allowed: readonly SignerPattern[],
):
  | { readonly by: SignedBy; readonly signedAt: string | undefined }
  | (StatementJudgement & { passes: false }) {
  if (signature.state === "verified") {
    const { by, signedAt } = signature;
    if (allowed.some((pattern) => isBy(pattern, by))) return { by, signedAt };
    return { passes: false, why: `signed by ${signerWords(by)}, whom the policy does not name` };
  }
  if (signature.state === "unsigned") return { passes: false, why: "nobody signed it" };
  const isUnknown = signature.state === "unverifiable" && mayBe(signature.lacks, allowed);
  const how = signature.state === "failed" ? "the signature is not true" : "not verifiable here";
  return { passes: false, why: `${how}: ${printable(signature.why)}`, isUnknown };
}

/** Whether one of those who may could have signed what cannot be verified for want of something. */
function mayBe(lacks: string | undefined, allowed: readonly SignerPattern[]): boolean {
  if (lacks === "trusted-root") return allowed.some(({ kind }) => kind === "identity");
  if (lacks !== "key") return false;
  return allowed.some((pattern) => pattern.kind === "key" && pattern.fingerprint === undefined);
}

/**
 * Why something is too old, or `undefined`. What a log or a timestamp authority proves comes before what a statement says itself,
 * and what says nothing is as old as it may be.
 */
export function ageFault(
  { statement }: EvidenceItem,
  signedAt: string | undefined,
  maxAge: number | undefined,
  now: Date,
): string | undefined {
  if (maxAge === undefined) return undefined;
  const said = signedAt ?? ownTime(statement);
  const time = said === undefined ? Number.NaN : Date.parse(said);
  if (Number.isNaN(time)) return "nothing says how old it is";
  const seconds = (now.getTime() - time) / 1000;
  if (seconds > maxAge) return `it is of ${new Date(time).toISOString().slice(0, 10)}, which is too long ago`;
  return seconds < -maxClockSkew ? "it is of a time that has not come yet" : undefined;
}

/** Clocks of others may be ahead of ours by this many seconds. */
const maxClockSkew = 600;

function ownTime(statement: EvidenceItem["statement"]): string | undefined {
  if (statement === undefined || !provenanceTypes.includes(statement.predicateType)) return undefined;
  return buildClaims(statement.predicate)?.finishedAt;
}
