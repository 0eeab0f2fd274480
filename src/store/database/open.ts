import type { Database } from "../../database/index.ts";
import type { ObjectStore } from "../../objects/index.ts";
import type { RecordEnds, RunDatabase } from "./model.ts";

/** What runs are kept in, beside the database. */
export interface RunDatabaseOptions {
  readonly objects: ObjectStore;
  /** A folder of this machine for what runs of this process write while they go on; other processes may have the same. */
  readonly spool: string;
}

/** Opens the runs in a database that has the tables of `storeMigrations`. What has runs in a folder alone loads nothing of it. */
export async function openRunDatabase(db: Database, options: RunDatabaseOptions): Promise<RunDatabase> {
  const { runDatabase } = await import("./database.ts");
  return runDatabase(db, options);
}

/** What ends records in a database, for whom has no need of what else is kept of runs. */
export async function openRecordEnds(): Promise<RecordEnds> {
  const { recordEnds } = await import("./database.ts");
  return recordEnds;
}
