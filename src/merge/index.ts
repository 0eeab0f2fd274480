export type { AdditionOptions, MergePlan } from "./addition.ts";
export type { StagingAccess } from "./candidates.ts";
export type { MergeFormat } from "./canonical.ts";
export { MergeError, type MergeErrorCode, type TagConflict } from "./errors.ts";
export type { ImageFilters, MergeFilters } from "./filters.ts";
export {
  mergeRun,
  planRunMerge,
  type RunMergeOptions,
  type RunMergePlan,
  type RunMergeResult,
} from "./from-run.ts";
export { type MergeOptions, type MergeResult, merge, planMerge, writeMerge } from "./merge.ts";
export type { ImageOrigin } from "./origins.ts";
export type { LeftOutImage } from "./place-images.ts";
export {
  type MergedProject,
  mergeProjects,
  type ProjectsMergeOptions,
  type ProjectsMergeResult,
} from "./projects.ts";
