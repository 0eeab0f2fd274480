import { appliedMigrations } from "./migrate.ts";
import type { Database } from "./model.ts";

/** What a database is like, for whoever keeps it. */
export interface DatabaseState {
  readonly kind: Database["kind"];
  /** The folder or the URL, without its password. */
  readonly where: string;
  /** Of PostgreSQL, such as `15.13`. */
  readonly version: string;
  readonly bytes: number;
  /** Steps of the schema that were applied, in their order. */
  readonly migrations: readonly string[];
  readonly migratedAt: Date | undefined;
}

/** Asks a database how it is. Its size is that of its files: what was removed may still count. */
export async function databaseState(db: Database): Promise<DatabaseState> {
  const [state] = await db.query<{ version: string; bytes: string }>(
    `SELECT current_setting('server_version') AS version, pg_database_size(current_database())::text AS bytes`,
  );
  const applied = await appliedMigrations(db);
  const [last] = await db.query<{ at: Date | null }>("SELECT max(applied_at) AS at FROM waybill_migration");
  return {
    ...{ kind: db.kind, where: db.where, version: state?.version ?? "", bytes: Number(state?.bytes ?? 0) },
    ...{ migrations: applied.map(({ id }) => id), migratedAt: last?.at ?? undefined },
  };
}
