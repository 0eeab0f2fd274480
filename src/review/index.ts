export * from "./approvals.ts";
export type * from "./facts.ts";
export { type CommitLink, type FactsInWords, factsInWords } from "./facts-in-words.ts";
export { formatReviewMarkdown, reviewMarker } from "./markdown.ts";
export * from "./review.ts";
export { type BaseRevision, baseOfEnvironment, reviewChange } from "./review-change.ts";
export { type ReviewCode, reviewCodes, reviewToSarif } from "./review-codes.ts";
export { travelsInWords } from "./travels.ts";
export { outsideInWords, unchangedInWords } from "./words.ts";
