export { type ApplyOptions, applyPlan, type Outcome } from "./apply.ts";
export {
  type AbsentEdge,
  type AbsentState,
  countExpected,
  type Expectation,
  expectationOf,
  lookForArrivals,
  unreadEdges,
} from "./arrival.ts";
export type {
  BytesReadEvent,
  EdgeEvent,
  PlannedEvent,
  PromotionEvent,
  VerificationEvent,
} from "./events.ts";
export { isInterrupted } from "./interruption.ts";
export { formatJUnit } from "./junit.ts";
export {
  type Plan,
  type PlannedEdge,
  type PlannedImage,
  type PlannedRepository,
  type PlanSummary,
  type Reason,
  type Since,
  sinceCommit,
  type Verdict,
} from "./plan.ts";
export { type OpenRepository, type PlanningOptions, planPromotion } from "./planning.ts";
export { causesOf, causesOfAbsence, causesOfFindings } from "./problem-causes.ts";
export { type PromoteOptions, type Promotion, promote } from "./promote.ts";
export {
  type EdgeState,
  type Report,
  type ReportedEdge,
  reportPromotion,
} from "./report.ts";
export {
  formatPlan,
  formatPlanInParts,
  parsePlan,
  SavedPlanError,
  type SavedPlanErrorCode,
} from "./saved-plan.ts";
export { createTrafficMeter, type HostTraffic, type Traffic, type TrafficMeter } from "./traffic.ts";
export {
  type Finding,
  type FindingKind,
  type Verification,
  type VerifyOptions,
  verifyProduction,
} from "./verify.ts";
export type { BlobLooks, BlobReading } from "./verify-blobs.ts";
