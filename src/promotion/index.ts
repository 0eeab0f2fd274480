export * from "./arrival.ts";
export * from "./events.ts";
export type * from "./finding.ts";
export { causesOfAbsence, causesOfFindings, refusalInWords } from "./image-problems.ts";
export type { ImageDetails } from "./images.ts";
export { isInterrupted } from "./interruption.ts";
export { formatJUnit, junitParts } from "./junit.ts";
export {
  type Decision,
  type Plan,
  type PlanLimits,
  type PlanSummary,
  type PolicyRefusal,
  type Section,
  type Since,
  sinceCommit,
} from "./plan.ts";
export type { Immutable } from "./plan-schemas.ts";
export {
  type ImageEdge,
  imageKind,
  type PlannedEdge,
  type PlannedImage,
  type PlannedRepositories,
  type PlannedRepository,
  plannedImages,
} from "./planned-images.ts";
export {
  type ImageJudgement,
  isHeldBack,
  judgementInWords,
  judgementsOf,
  type ReportedJudgement,
} from "./policies.ts";
export * from "./promote.ts";
export {
  leftBehindInWords,
  type ReportedLeftBehind,
} from "./referrers/left-behind.ts";
export { type PlannedCompanion, type PlannedTravel, plannedTravels } from "./referrers/planned.ts";
export * from "./report.ts";
export {
  formatPlan,
  type PlanText,
  readPlan,
  SavedPlanError,
  type SavedPlanErrorCode,
} from "./saved-plan.ts";
export { type Scope, type ScopeOptions, scopeOf } from "./scope.ts";
export type { EdgeDetails, OpenRepository, Outcome, SectionEdge, SectionQuestion } from "./section.ts";
export { type CheckedImage, checkSignatures, type SignatureCheck } from "./signatures/check.ts";
export { isAboutSignature, signedInWords } from "./signatures/in-words.ts";
export { sumsOf } from "./sums.ts";
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
export * from "./verify.ts";
export type { BlobLooks, BlobReading } from "./verify-blobs.ts";
