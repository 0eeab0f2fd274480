export { checkDatabase, type DatabaseCheck } from "./check.ts";
export { DatabaseError, type DatabaseErrorCode } from "./errors.ts";
export { migrate } from "./migrate.ts";
export type { Database, DatabaseAddress, DatabaseOptions, Migration, Sql } from "./model.ts";
export { openDatabase } from "./open.ts";
