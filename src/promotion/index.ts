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
export { causesOfAbsence, causesOfFindings, refusedBy } from "./image-problems.ts";
export type { ImageDetails } from "./images.ts";
export { isInterrupted } from "./interruption.ts";
export { formatJUnit, junitParts } from "./junit.ts";
export {
  type Decision,
  type Plan,
  type PlanLimits,
  type PlanSummary,
  type Section,
  type Since,
  sinceCommit,
} from "./plan.ts";
export {
  type ImageEdge,
  type Immutable,
  imageKind,
  type PlannedEdge,
  type PlannedImage,
  type PlannedRepositories,
  type PlannedRepository,
  plannedImages,
} from "./planned-images.ts";
export {
  type PlanningOptions,
  type PromoteOptions,
  type Promotion,
  planPromotion,
  promote,
} from "./promote.ts";
export {
  causesOf,
  type EdgeOfKind,
  edgeName,
  isAboutImage,
  type Report,
  type ReportedEdge,
  type ReportedImage,
  reportPromotion,
} from "./report.ts";
export {
  formatPlan,
  type PlanText,
  readPlan,
  SavedPlanError,
  type SavedPlanErrorCode,
} from "./saved-plan.ts";
export { type Scope, type ScopeOptions, scopeOf } from "./scope.ts";
export type { EdgeDetails, OpenRepository, Outcome, SectionEdge, SectionQuestion } from "./section.ts";
export { createTrafficMeter, type HostTraffic, type Traffic, type TrafficMeter } from "./traffic.ts";
export {
  type EdgeState,
  isProblem,
  type Reason,
  reportedWords,
  reviewedWords,
  type Verdict,
  type WorkVerdict,
} from "./verdicts.ts";
export {
  type Finding,
  type FindingKind,
  type Verification,
  type VerifyOptions,
  verifyProduction,
} from "./verify.ts";
export type { BlobLooks, BlobReading } from "./verify-blobs.ts";
