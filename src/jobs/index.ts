export { JobsError, type JobsErrorCode } from "./errors.ts";
export { findJob, readBounded, readJobs } from "./folder.ts";
export { type JobVerdict, judgePush } from "./judge.ts";
export type {
  ChangeFilter,
  Job,
  JobBuild,
  JobDiagnostic,
  LocatedJob,
  Schedule,
} from "./model.ts";
export type { ProwRemark } from "./prow/fields.ts";
export {
  type ImportDestination,
  type ImportedJob,
  importProwJobs,
  type NotImported,
  type ProwFile,
  type ProwImport,
} from "./prow/import.ts";
export type { ProwJobKind } from "./prow/job.ts";
export { type JobList, jobCodes, parseJobs } from "./read.ts";
export { isSameRepository } from "./repository-url.ts";
export { type ResolvedJob, resolveJob, variablesOfRun } from "./resolve.ts";
export { holdingTurn, type TurnEvent } from "./turn.ts";
export { formatJob, formatJobs } from "./write.ts";
export { type JobToWrite, writeJobs } from "./write-files.ts";
