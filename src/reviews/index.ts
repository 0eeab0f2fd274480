export {
  type ApprovalComparison,
  type ComparedWork,
  comparisonOf,
  type MergedReview,
  type PlaceInComparison,
  type PromotedRun,
  readCompared,
  sumCompared,
} from "./compare.ts";
export { holdIn, type PullHold } from "./holds.ts";
export { keepReview, type ReviewToKeep } from "./keep.ts";
export { forgetReviews, reviewChannel, reviewsMigrations } from "./migrations.ts";
export type * from "./model.ts";
export { listPulls, notePullEnded, notePulls, notePullTaken, type PullQuery, readPull } from "./pulls.ts";
export {
  causesOf,
  differenceBetween,
  type FindingCause,
  findingsOf,
  type LineQuery,
  linesOf,
  newestReviews,
  type ReviewDifference,
} from "./read.ts";
export { type PullFacts, waitsOf } from "./waits.ts";
