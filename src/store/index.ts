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
export {
  type LineRange,
  type LogExtent,
  type LoggedRun,
  type LogLine,
  type LogLines,
  type LogMatches,
  type LogPart,
  openLogLines,
} from "./log/lines.ts";
export type { LogChapter, LogOutline } from "./log/outline.ts";
export { isLogExpression, type LogSearch } from "./log/search.ts";
export {
  eventsArtifact,
  eventsFormat,
  type LogTime,
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
  type TimedRun,
} from "./model.ts";
export { type ArchivePage, openProwArchive, type ProwArchive } from "./prow/archive.ts";
export { type ProwRun, readProwHistory } from "./prow/bucket.ts";
