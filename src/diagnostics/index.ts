export * from "./diagnostic.ts";
export { type FindingDetails, Findings } from "./findings.ts";
export { LineIndex } from "./line-index.ts";
export { didYouMean, didYouMeanOneOf, likeliest, nearest } from "./nearest.ts";
export * from "./place.ts";
export * from "./sarif.ts";
export { firstOf, listed, outsideWord, printable, quoted } from "./shown.ts";
