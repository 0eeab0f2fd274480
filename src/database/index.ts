export { type BackupSummary, backupDatabase } from "./backup/backup.ts";
export { type RestoreOptions, restoreDatabase } from "./backup/restore.ts";
export { checkDatabase, type DatabaseCheck } from "./check.ts";
export { DatabaseError, type DatabaseErrorCode, isPassing } from "./errors.ts";
export { migrate } from "./migrate.ts";
export type { Database, DatabaseAddress, DatabaseOptions, Migration, Sql } from "./model.ts";
export { openDatabase } from "./open.ts";
export { type DatabaseState, databaseState } from "./state.ts";
export { jsonText } from "./values.ts";
