/**
 * What became of a delivery:
 * - `waiting`: it is stored, and will be processed.
 * - `done`: what it hints at is being looked at, or it hints at nothing.
 * - `failed`: processing it failed for good.
 */
export type DeliveryOutcome = "waiting" | "done" | "failed";

/**
 * What to do with a delivery of a name that is known, with its outcome, or not known yet. Forges give a delivery its name again when
 * somebody delivers it anew: that repairs one that failed, and is a replay of any other. A replay is answered as the
 * first was, so that its sender is content.
 */
export function replayDecision(
  known: DeliveryOutcome | undefined,
): "process" | "process-again" | "answer-only" {
  if (known === undefined) return "process";
  return known === "failed" ? "process-again" : "answer-only";
}
