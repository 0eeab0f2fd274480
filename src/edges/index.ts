export { type CheckResult, checkTree, type ManifestCounts } from "./check.ts";
export {
  compareManifests,
  type EdgeChange,
  type EdgeChangeKind,
  type EdgeSide,
  type ManifestComparison,
  type ProjectChange,
  type RegistrySide,
  type RepositoryChange,
  readManifestsBeforeChange,
} from "./compare.ts";
export type { OverlapClaim } from "./contested.ts";
export * from "./edges.ts";
export { edgesHash } from "./hash.ts";
export { type ChangedEdges, changedEdges, limitToChanges, onlyTags } from "./limit.ts";
export { findOverlaps, type Overlap } from "./overlap.ts";
export * from "./pattern.ts";
export { selectEdges, selectedFindings, selectParts, selectProjects } from "./select.ts";
export { selectChanges } from "./select-changes.ts";
export {
  parseSelection,
  type Selected,
  type Selection,
  type SelectionPatterns,
  selectionInWords,
  selectionOptions,
  selectionSentence,
} from "./selection.ts";
