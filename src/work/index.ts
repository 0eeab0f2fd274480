export { carryOut } from "./carry-out.ts";
export { WorkError, type WorkErrorCode } from "./errors.ts";
export type { RecordRequest, RunRecords, WorkEnvironment } from "./model.ts";
export { openStatuses, type RunStatus, type StatusOutbox, workMigrations } from "./statuses.ts";
