import type { Sql } from "../model.ts";

/** A table, by its name as it stands in a statement. */
export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
}

interface Column {
  readonly name: string;
  readonly type: string;
}

/** What a database has of its own, in the schema that its user makes tables in; the steps of that are not among them. */
const ownRelations = `
  FROM pg_class c
  WHERE c.relnamespace = current_schema()::regnamespace AND NOT c.relispartition AND c.relname <> 'waybill_migration'`;

/** The tables, with the columns that are written; others are computed. */
export async function tablesOf(sql: Sql): Promise<readonly Table[]> {
  return sql.query<Table>(`
    SELECT quote_ident(c.relname) AS name, (
      SELECT json_agg(json_build_object('name', quote_ident(a.attname), 'type', format_type(a.atttypid, a.atttypmod))
        ORDER BY a.attnum)
      FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    ) AS columns
    ${ownRelations} AND c.relkind IN ('r', 'p') ORDER BY c.relname`);
}

/** The sequences, and where they stand. */
export async function sequencesOf(sql: Sql): Promise<readonly Sequence[]> {
  const names = await sql.query<{ name: string }>(
    `SELECT quote_ident(c.relname) AS name ${ownRelations} AND c.relkind = 'S' ORDER BY c.relname`,
  );
  const sequences: Sequence[] = [];
  for (const { name } of names) {
    const [found] = await sql.query<Omit<Sequence, "name">>(
      `SELECT last_value::text AS value, is_called AS "isCalled" FROM ${name}`,
    );
    if (found !== undefined) sequences.push({ name, ...found });
  }
  return sequences;
}

/** A sequence, and where it stands. */
export interface Sequence {
  readonly name: string;
  readonly value: string;
  readonly isCalled: boolean;
}

/** Whether anything has been made in the database, by whomever. */
export async function isEmpty(sql: Sql): Promise<boolean> {
  const [found] = await sql.query<{ count: number }>(`
    SELECT count(*)::int AS count FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`);
  return found?.count === 0;
}

/** The rows of a table, some at a time, each as the text of a JSON array of the texts of its values: exact for all types. */
export async function* rowsOf(sql: Sql, { name, columns }: Table): AsyncGenerator<readonly string[]> {
  const values = columns.map((column) => `${column.name}::text`).join(", ");
  await sql.script(
    `DECLARE backup NO SCROLL CURSOR FOR SELECT json_build_array(${values})::text AS row FROM ${name}`,
  );
  for (;;) {
    const rows = await sql.query<{ row: string }>("FETCH 500 FROM backup");
    if (rows.length === 0) break;
    yield rows.map(({ row }) => row);
  }
  await sql.script("CLOSE backup");
}

/** Puts rows into a table that has such columns. @param rows As {@link rowsOf} gives them. */
export async function insertRows(sql: Sql, { name, columns }: Table, rows: readonly string[]): Promise<void> {
  const names = columns.map((column) => column.name).join(", ");
  const values = columns.map(({ type }, at) => `(row->>${at})::${type}`).join(", ");
  await sql.query(
    `INSERT INTO ${name} (${names}) OVERRIDING SYSTEM VALUE
     SELECT ${values} FROM json_array_elements($1::json) AS rows (row)`,
    [`[${rows.join(",")}]`],
  );
}

/** Carries `load` out while no table refers to another one, and no trigger of ours is told of a row. */
export async function withoutChecks(sql: Sql, load: () => Promise<void>): Promise<void> {
  const references = await sql.query<{ table: string; name: string; definition: string }>(`
    SELECT conrelid::regclass::text AS "table", quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint
    WHERE contype = 'f' AND conparentid = 0 AND connamespace = current_schema()::regnamespace`);
  const tables = await tablesOf(sql);
  for (const { table, name } of references) await sql.script(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`);
  for (const { name } of tables) await sql.script(`ALTER TABLE ${name} DISABLE TRIGGER USER`);
  await load();
  for (const { name } of tables) await sql.script(`ALTER TABLE ${name} ENABLE TRIGGER USER`);
  for (const { table, name, definition } of references) {
    await sql.script(`ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`);
  }
}
