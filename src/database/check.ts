import { DatabaseError } from "./errors.ts";
import { appliedMigrations, pendingOf, refuseOthers } from "./migrate.ts";
import type { Database, DatabaseAddress, Migration } from "./model.ts";
import { openDatabase } from "./open.ts";
import { filesIn } from "./pglite/files.ts";
import { readPostgresUrl } from "./postgres/address.ts";

/** What is known of a database without changing it. */
export interface DatabaseCheck {
  readonly kind: Database["kind"];
  readonly where: string;
  /** Of PostgreSQL, such as `15.13`; `undefined` where that was not told. */
  readonly version: string | undefined;
  /** Steps of the schema that the next start will apply. */
  readonly pending: readonly string[];
  /** Why this version cannot run on it, or not now. */
  readonly problem: DatabaseError | undefined;
}

/** The oldest server that has all that statements of this version use. */
const oldestServer = 13;

/**
 * Looks at a database as `serve` would find it, and changes nothing: a folder without one is fine, and stays without. A folder that
 * a server has open is `locked`, which is as it should be while that runs.
 */
export async function checkDatabase(
  address: DatabaseAddress,
  migrations: readonly Migration[],
): Promise<DatabaseCheck> {
  const kind = "folder" in address ? "pglite" : "postgres";
  const found = {
    kind,
    version: undefined,
    pending: migrations.map(({ id }) => id),
    problem: undefined,
  } as const;
  let where = "folder" in address ? address.folder : "the URL of the database";
  try {
    if ("url" in address) where = readPostgresUrl(address.url).where;
    else if ((await filesIn(address.folder)) === "none") return { ...found, where };
    const db = await openDatabase(address);
    try {
      return await look(db, migrations);
    } finally {
      await db.close();
    }
  } catch (error) {
    if (error instanceof DatabaseError) return { ...found, where, problem: error };
    throw error;
  }
}

async function look(db: Database, migrations: readonly Migration[]): Promise<DatabaseCheck> {
  const { kind, where } = db;
  const [server] = await db.query<{ version: string; mayCreate: boolean }>(
    `SELECT current_setting('server_version') AS version,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS "mayCreate"`,
  );
  const version = server?.version;
  const applied = await appliedMigrations(db);
  const pending = pendingOf(applied, migrations).map(({ id }) => id);
  const about = { kind, where, version, pending };
  if (Number.parseInt(version ?? "", 10) < oldestServer) {
    const message = `the server is PostgreSQL ${version}: this needs ${oldestServer} or later`;
    return { ...about, problem: new DatabaseError("other-version", message, { where }) };
  }
  if (pending.length > 0 && server?.mayCreate !== true) {
    const message = "this user may not create tables in the schema";
    const hint = "grant CREATE on the schema, or make the user the owner of the database";
    return { ...about, problem: new DatabaseError("refused", message, { where, hint }) };
  }
  try {
    refuseOthers(applied, migrations, where);
    return { ...about, problem: undefined };
  } catch (error) {
    if (error instanceof DatabaseError) return { ...about, problem: error };
    throw error;
  }
}
