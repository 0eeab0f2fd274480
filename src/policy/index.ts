export type { SbomFormat } from "./content.ts";
export { askForPlatform, evaluatePolicies, policiesFor } from "./evaluate.ts";
export { policyCodes } from "./file/codes.ts";
export {
  brokenPolicy,
  type PolicyFile,
  type PolicyFileContext,
  parsePolicyFile,
  policyJsonSchema,
} from "./file/parse.ts";
export { type ManifestWithProvenance, provenancePolicies } from "./from-manifest.ts";
export type * from "./model.ts";
export { type NamedSigners, namedSigners } from "./named-signers.ts";
export { fitsPath, pathPattern } from "./path-pattern.ts";
export type * from "./rule.ts";
export { signerOfSpec, signerWords } from "./signers.ts";
export type { NameGlob, TextPattern } from "./text-pattern.ts";
export type { VulnerabilitySeverity } from "./vulnerabilities/report.ts";
