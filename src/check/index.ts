export { checkFile, checkManifests, type FileCheck } from "./check.ts";
export type { FileKind } from "./kind.ts";
export { type PolicySettings, policyFindings } from "./policies.ts";
