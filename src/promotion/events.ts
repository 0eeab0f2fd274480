import type { CopyEvent } from "../copy/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { ProgressEvent } from "../events/index.ts";
import type { SectionKinds } from "./kinds.ts";
import { type Plan, type PlanSummary, workOf } from "./plan.ts";
import { plannedImages } from "./planned-images.ts";
import type { EdgeOfKind } from "./report.ts";
import type { Outcome } from "./section.ts";

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

export function plannedEvent(plan: Plan): PlannedEvent {
  const { hash, edgesHash, summary } = plan;
  const images = new Set<string>();
  for (const repository of plannedImages(plan)) {
    for (const { source, digest, edges } of repository.images) {
      if (edges.some(({ verdict }) => verdict === "copy")) images.add(`${source}@${digest}`);
    }
  }
  return { type: "planned", hash, edgesHash, summary, work: workOf(plan), images: images.size };
}

export function edgeEvent(kinds: SectionKinds, { kind, of, failure }: Outcome): EdgeEvent {
  const type = failure === undefined ? "edge-done" : "edge-failed";
  return { type, kind, ...kinds.of(kind).details(of), failure };
}
