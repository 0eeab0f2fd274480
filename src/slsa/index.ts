export { isBuilder, isSource } from "./names.ts";
export { type BuildClaims, buildClaims, provenanceTypes, type WorkflowRun } from "./read.ts";
