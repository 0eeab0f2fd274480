export { type AttachedArtifact, attachArtifact } from "./artifact.ts";
export { attachStatement, ProvenanceError, type ProvenanceErrorCode } from "./attach.ts";
export * from "./find.ts";
export { type Material, type Provenance, provenanceOf, readStatements } from "./read.ts";
export { type BuildFacts, slsaStatement } from "./slsa.ts";
export { canonicalJson, type Statement, type StatementSubject } from "./statement.ts";
export { commitPage, type OriginWords, originInWords, originWords, sourceAddress } from "./words.ts";
