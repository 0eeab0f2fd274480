import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { errorCodeOf } from "../../disk/index.ts";
import { DatabaseError, diskFailure } from "../errors.ts";
import { applyNext, refuseOthers } from "../migrate.ts";
import type { Database, Migration, Sql } from "../model.ts";
import type { BackupSummary } from "./backup.ts";
import {
  type BackupHead,
  type BackupLine,
  type BackupTable,
  readBackupLine,
  unreadableBackup,
} from "./lines.ts";
import { insertRows, isEmpty, type Table, tablesOf, withoutChecks } from "./tables.ts";

/** What a restored database is made of, beside the file. */
export interface RestoreOptions {
  /** The steps of this version's schema; those that the backup lacks are applied to what it has. */
  readonly migrations: readonly Migration[];
  /** What has to be put right because time has passed since the backup, in the same transaction. */
  readonly afterwards?: (sql: Sql) => Promise<void>;
}

/** One statement has so many rows at most, and so many signs. */
const mostRows = 500;
const mostSigns = 4 * 1024 * 1024;
/** No row has near as many, and a text of Node may have twice as many: a file may be made by anybody. */
const mostSignsOfLine = 256 * 1024 * 1024;

/**
 * Puts a backup into a database in which nothing is yet: all of it, or nothing. Throws {@link DatabaseError}: `not-empty`,
 * `unreadable` where the file is not whole, `newer` where it was made by a newer version.
 */
export function restoreDatabase(
  db: Database,
  path: string,
  { migrations, afterwards }: RestoreOptions,
): Promise<BackupSummary> {
  return db.transaction(async (sql) => {
    await sql.script("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0");
    if (!(await isEmpty(sql))) {
      throw new DatabaseError("not-empty", "there is something in the database already", {
        where: db.where,
        hint: "restore into a new folder, or a new database",
      });
    }
    const lines = linesOf(path);
    const first = await lines.next();
    if (first.done === true || first.value.kind !== "head") throw unreadableBackup(path);
    const { head } = first.value;
    refuseOthers(head.migrations, migrations, path);
    await migrateAll(sql, stepsOf(head, migrations), db.where);
    const summary = { tables: 0, rows: 0 };
    await withoutChecks(sql, () => load(sql, { lines, path, summary })).catch((error: unknown) => {
      const isOfContent = error instanceof DatabaseError && contentCodes.has(error.code);
      throw isOfContent ? unreadableBackup(path, `it does not fit the schema: ${error.message}`) : error;
    });
    await migrateAll(sql, migrations, db.where);
    await afterwards?.(sql);
    return summary;
  });
}

/** What PostgreSQL says of rows that no database has had. */
const contentCodes: ReadonlySet<string> = new Set(["statement-failed", "conflict"]);

function stepsOf(head: BackupHead, migrations: readonly Migration[]): readonly Migration[] {
  const ids = new Set(head.migrations.map(({ id }) => id));
  return migrations.filter(({ id }) => ids.has(id));
}

async function migrateAll(sql: Sql, migrations: readonly Migration[], where: string): Promise<void> {
  while (!(await applyNext(sql, migrations, where)));
}

interface Loading {
  readonly lines: AsyncIterable<BackupLine>;
  readonly path: string;
  readonly summary: { tables: number; rows: number };
}

async function load(sql: Sql, { lines, path, summary }: Loading): Promise<void> {
  const known = new Map((await tablesOf(sql)).map((table) => [table.name, table]));
  let table: Table | undefined;
  let rows: string[] = [];
  let signs = 0;
  let isWhole = false;
  const flush = async (): Promise<void> => {
    if (table !== undefined && rows.length > 0) await insertRows(sql, table, rows);
    summary.rows += rows.length;
    rows = [];
    signs = 0;
  };
  for await (const line of lines) {
    if (isWhole) throw unreadableBackup(path);
    if (line.kind === "row") {
      if (table === undefined) throw unreadableBackup(path);
      rows.push(line.row);
      signs += line.row.length;
      if (rows.length >= mostRows || signs >= mostSigns) await flush();
      continue;
    }
    await flush();
    if (line.kind === "table") {
      table = tableOf(line.table, known, path);
      summary.tables += 1;
    } else if (line.kind === "sequence") {
      const { name, value, isCalled } = line.sequence;
      await sql.query("SELECT setval($1::regclass, $2::int8, $3::boolean)", [name, value, isCalled]);
    } else if (line.kind === "end") isWhole = line.rows === summary.rows;
    else throw unreadableBackup(path);
  }
  if (!isWhole) throw unreadableBackup(path);
}

/** The types are those of the schema, and not what somebody may have written into the file. */
function tableOf({ name, columns }: BackupTable, known: ReadonlyMap<string, Table>, path: string): Table {
  const table = known.get(name);
  const found = columns.map((column) => table?.columns.find((own) => own.name === column.name));
  const all = found.filter((column) => column !== undefined);
  if (table !== undefined && all.length === columns.length) return { name, columns: all };
  throw unreadableBackup(path, `the schema has not what the backup has: ${name}`);
}

async function* linesOf(path: string): AsyncGenerator<BackupLine> {
  const gunzip = createGunzip().setEncoding("utf8");
  const file = createReadStream(path).on("error", (error) => gunzip.destroy(error));
  let rest = "";
  try {
    for await (const text of file.pipe(gunzip)) {
      const [first, ...more]: string[] = text.split("\n");
      const lines = [rest + first, ...more];
      rest = lines.pop() ?? "";
      if (rest.length > mostSignsOfLine) throw unreadableBackup(path);
      for (const line of lines) yield readBackupLine(line, path);
    }
  } catch (error) {
    if (errorCodeOf(error)?.startsWith("Z_") === true) throw unreadableBackup(path);
    throw diskFailure(error, path);
  } finally {
    file.destroy();
  }
  if (rest !== "") throw unreadableBackup(path);
}
