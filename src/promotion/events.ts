import type { CopyEvent } from "../copy/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { ProgressEvent } from "../events/index.ts";
import type { PlanSummary } from "./plan.ts";
import type { EdgeOfKind } from "./report.ts";

/** The plan is made, and nothing is written yet. */
export interface PlannedEvent {
  readonly type: "planned";
  readonly hash: string;
  readonly edgesHash: string;
  readonly summary: PlanSummary;
  /** Edges that are work, and images that have to be brought somewhere for them, each read once. */
  readonly work: number;
  readonly images: number;
}

/** What became of an edge that was work. */
export interface EdgeEvent extends EdgeOfKind {
  readonly type: "edge-done" | "edge-failed";
  readonly failure: FailureRecord | undefined;
}

/** Bytes of blobs that are read as a whole, and go nowhere. */
export interface BytesReadEvent {
  readonly type: "bytes-read";
  /** Since it was last told. */
  readonly more: number;
  readonly done: number;
  /** As far as it is known. */
  readonly total: number;
}

/** What a promotion tells: repositories that were read for the plan are its progress. */
export type PromotionEvent = ProgressEvent | PlannedEvent | CopyEvent | EdgeEvent;

/** What a verification tells: repositories that were looked at are its progress. */
export type VerificationEvent = ProgressEvent | BytesReadEvent;
