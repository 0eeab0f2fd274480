import type { FailureRecord } from "../errors/index.ts";

/** Why something was not even begun. */
export const interruption: FailureRecord = {
  code: "interrupted",
  message: "not looked at: the run was stopped before",
  hint: "run again: it goes on from what is there by then",
};

/** Whether it was left, or given up, because the run was stopped: that is no fault of anybody. */
export function isInterrupted(failure: FailureRecord | undefined): boolean {
  return failure?.code === "interrupted";
}
