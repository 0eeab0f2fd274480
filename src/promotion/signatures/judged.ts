import { type FailureRecord, WaybillError } from "../../errors/index.ts";
import type { PolicyVerdict } from "../../policy/index.ts";
import type { SignedHere } from "../../trust/index.ts";
import { heldByPolicies, isHeldBack } from "../policies.ts";

/** What a summary says came of policies. */
export type SummaryResult = NonNullable<SignedHere["summary"]>["result"];

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
