export { isBuilder, isSource } from "./names.ts";
export { type BuildClaims, buildClaims, maxClaimLength, provenanceTypes, type WorkflowRun } from "./read.ts";
