export {
  type Diagnostic,
  type DiagnosticCodes,
  formatDiagnostic,
  inLines,
  inOneError,
  inOrder,
  placeOf,
  type RelatedPlace,
  type Severity,
} from "./diagnostic.ts";
export { type FindingDetails, Findings } from "./findings.ts";
export { LineIndex } from "./line-index.ts";
export { didYouMean, didYouMeanOneOf, likeliest, nearest } from "./nearest.ts";
export {
  comparePlaces,
  formatPlace,
  type Place,
  placeIn,
  type RoughPlace,
  type TextPosition,
} from "./place.ts";
export {
  type SarifLevel,
  type SarifLocation,
  type SarifLog,
  type SarifResult,
  type SarifRule,
  type SarifRun,
  toSarif,
} from "./sarif.ts";
export { firstOf, listed, printable, quoted, shellWord } from "./shown.ts";
