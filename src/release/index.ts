export { type ApprovedReview, approvalRules } from "./approval-rules.ts";
export type { NotDone } from "./complete-request.ts";
export { ReleaseError, type ReleaseErrorCode } from "./errors.ts";
export {
  type HoldChange,
  type HoldMeans,
  type HoldWord,
  hold,
  holdsOf,
  holdWordIn,
  newestHoldWord,
  obeyHoldWords,
  unhold,
  usualHold,
} from "./hold.ts";
export * from "./post-review.ts";
export { ReleaseProfileError } from "./profiles.ts";
export { projectOf } from "./promoted-project.ts";
export * from "./promotion-request.ts";
export { reviewProposed } from "./proposed-review.ts";
export type { RequestLink, Subject } from "./request-text.ts";
export * from "./tag-set.ts";
export { type Look, type LookedEvent, type Waiting, type WaitOptions, waitForProduction } from "./wait.ts";
