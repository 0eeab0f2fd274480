export { bundleMediaType } from "./bundle.ts";
export { SigningError, type SigningErrorCode } from "./errors.ts";
export type {
  KeylessOptions,
  SignedEnvelope,
  Signer,
  SignerIdentity,
  SignerOptions,
  SigningEvent,
  SigningServices,
  TokenPlace,
} from "./model.ts";
export { openSigner } from "./open.ts";
export { type PromotionFacts, promotionPredicate, promotionRecord } from "./promotion-record.ts";
export {
  type ImageStatement,
  type StatementAbout,
  signatureStatement,
  simpleSigningPayload,
  statementAbout,
  statementBytes,
} from "./statement.ts";
export { type SummaryFacts, summaryPredicate, verificationSummary } from "./verification-summary.ts";
