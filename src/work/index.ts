export { carryOut } from "./carry-out.ts";
export { WorkError, type WorkErrorCode } from "./errors.ts";
export type { RecordRequest, RunRecords, WorkEnvironment } from "./model.ts";
export { networkOf, openSources, type RunSource, type SourceForge } from "./source.ts";
export { openStatuses, type RunStatus, type StatusOutbox, workMigrations } from "./statuses.ts";
