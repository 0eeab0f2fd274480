export { storeMigrations } from "./database/migrations.ts";
export type {
  LogBatch,
  LogCursor,
  RecordEnds,
  RecordQuery,
  RemovedRuns,
  RunAttempt,
  RunDatabase,
} from "./database/model.ts";
export { openRecordEnds, openRunDatabase, type RunDatabaseOptions } from "./database/open.ts";
export type { RetentionRule } from "./database/retention.ts";
export { RunError, type RunErrorCode } from "./errors.ts";
export { defaultDataFolder, openRunFolder } from "./folder/folder.ts";
export { type LogLine, type LogLines, type LogMatches, type LogPart, openLogLines } from "./log-lines.ts";
export {
  eventsArtifact,
  eventsFormat,
  type RecordedRun,
  type Run,
  type RunEnd,
  type RunHead,
  type RunName,
  type RunPage,
  type RunQuery,
  type RunRefs,
  type RunRequest,
  type RunStore,
  type RunType,
  type StoredRun,
} from "./model.ts";
export { type ProwRun, readProwHistory } from "./prow/bucket.ts";
