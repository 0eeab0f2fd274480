export {
  type Diagnostic,
  type DiagnosticCodes,
  formatDiagnostic,
  inOrder,
  type RelatedPlace,
  type Severity,
} from "./diagnostic.ts";
export { LineIndex } from "./line-index.ts";
export { didYouMean, nearest } from "./nearest.ts";
export { comparePlaces, formatPlace, type Place, type RoughPlace, type TextPosition } from "./place.ts";
export {
  type SarifLevel,
  type SarifLocation,
  type SarifLog,
  type SarifResult,
  type SarifRule,
  type SarifRun,
  toSarif,
} from "./sarif.ts";
