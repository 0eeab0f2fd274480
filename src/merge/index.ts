export type { StagingAccess } from "./candidates.ts";
export type { MergeFormat } from "./canonical.ts";
export { MergeError, type MergeErrorCode, type Refusal } from "./errors.ts";
export type { MergeFilters } from "./filters.ts";
export {
  type MergeOptions,
  type MergePlan,
  type MergeResult,
  merge,
  planMerge,
  writeMerge,
} from "./merge.ts";
