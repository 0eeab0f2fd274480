import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { durableFiles } from "../../disk/index.ts";
import { diskFailure } from "../errors.ts";
import { appliedMigrations } from "../migrate.ts";
import type { Database, Sql } from "../model.ts";
import { backupLine } from "./lines.ts";
import { rowsOf, sequencesOf, tablesOf } from "./tables.ts";

/** What was written into a backup, or read from it. */
export interface BackupSummary {
  readonly tables: number;
  readonly rows: number;
}

/**
 * Writes all that a database has into a file, as it was at one moment: JSON in lines, compressed, which any later version restores,
 * into either kind of database. Others go on meanwhile, but with an embedded database they wait. The file is there whole or not at
 * all, in place of an older one, and only its owner may read it: it has what people and machines are known by.
 * Throws {@link DatabaseError}.
 */
export function backupDatabase(db: Database, path: string): Promise<BackupSummary> {
  return db.transaction(async (sql) => {
    await sql.script(
      `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
       SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`,
    );
    const summary = { tables: 0, rows: 0 };
    await writeCompressed(path, linesOf(sql, summary));
    return summary;
  });
}

async function* linesOf(sql: Sql, summary: { tables: number; rows: number }): AsyncGenerator<string> {
  const [server] = await sql.query<{ version: string }>(
    "SELECT current_setting('server_version') AS version",
  );
  yield backupLine({
    kind: "head",
    head: {
      format: "waybill-database-1",
      madeAt: new Date().toISOString(),
      postgres: server?.version ?? "",
      migrations: [...(await appliedMigrations(sql))],
    },
  });
  for (const table of await tablesOf(sql)) {
    summary.tables += 1;
    const columns = table.columns.map(({ name }) => ({ name }));
    yield backupLine({ kind: "table", table: { name: table.name, columns } });
    for await (const rows of rowsOf(sql, table)) {
      summary.rows += rows.length;
      yield rows.map((row) => backupLine({ kind: "row", row })).join("");
    }
  }
  for (const sequence of await sequencesOf(sql)) yield backupLine({ kind: "sequence", sequence });
  yield backupLine({ kind: "end", rows: summary.rows });
}

async function writeCompressed(path: string, text: AsyncIterable<string>): Promise<void> {
  const refused = (error: unknown): never => {
    throw diskFailure(error, path);
  };
  const draft = await durableFiles(dirname(path)).begin(0o600).catch(refused);
  try {
    await pipeline(Readable.from(text), createGzip(), async (compressed: AsyncIterable<Buffer>) => {
      for await (const bytes of compressed) await draft.write(bytes).catch(refused);
    });
    await draft.keepAs(path).catch(refused);
  } finally {
    await draft.discard();
  }
}
