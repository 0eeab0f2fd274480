import type { RunRefs } from "../../store/index.ts";

/** A run as either side has it. */
export interface ComparedRun {
  readonly id: string;
  readonly job: string;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  /** `undefined`: nobody knows. */
  readonly result: "SUCCESS" | "FAILURE" | "ABORTED" | "PENDING" | "CRASHED" | undefined;
  readonly refs: RunRefs | undefined;
  readonly revision: string | undefined;
}

/**
 * What is said of a run, or of two that are one: `covered` is a run of Prow's whose commit ours took in with a newer one,
 * `undecided` what cannot be told yet.
 */
export type RunVerdict =
  | "agreed"
  | "different-result"
  | "only-in-prow"
  | "only-in-waybill"
  | "covered"
  | "undecided";

/** A run of one side, and of the other one where it has the same. */
export interface RunComparison {
  readonly verdict: RunVerdict;
  /** What started it, for people: `push of main at 4f2d0c6b1a9e`. */
  readonly what: string;
  readonly prow: ComparedRun | undefined;
  readonly waybill: ComparedRun | undefined;
  readonly reason: string;
}

/** The runs of one job. */
export interface JobComparison {
  readonly job: string;
  readonly counts: Readonly<Record<RunVerdict, number>>;
  /** In the order of their time. */
  readonly runs: readonly RunComparison[];
}

/** The runs of some jobs on both sides, over a time. */
export interface HistoryComparison {
  readonly since: Date;
  readonly until: Date;
  readonly jobs: readonly JobComparison[];
  readonly counts: Readonly<Record<RunVerdict, number>>;
}
