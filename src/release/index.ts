export { type ApprovedAt, approvedEdges } from "./approved-edges.ts";
export type { NotDone } from "./complete-request.ts";
export { ReleaseError, type ReleaseErrorCode } from "./errors.ts";
export {
  type HoldChange,
  type HoldMeans,
  type HoldWord,
  hold,
  holdsOf,
  newestHoldWord,
  obeyHoldWords,
  unhold,
  usualHold,
} from "./hold.ts";
export {
  type ApprovalRules,
  type OwnedReview,
  type PostedReview,
  type PostResult,
  postReview,
  withBaseOwners,
} from "./post-review.ts";
export { ReleaseProfileError } from "./profiles.ts";
export {
  type PromotionRequest,
  type PromotionRequestResult,
  type ProposedCommit,
  requestPromotion,
  type StepEvent,
} from "./promotion-request.ts";
export type { RequestLink, Subject } from "./request-text.ts";
export {
  type ReleaseTag,
  type ReleaseTags,
  type ReleaseTagsOptions,
  releaseTags,
  VersionError,
} from "./tag-set.ts";
export { type Look, type LookedEvent, type Waiting, type WaitOptions, waitForProduction } from "./wait.ts";
