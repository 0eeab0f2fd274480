import { type Database, jsonText } from "../database/index.ts";
import type { LiveRow } from "./draft.ts";
import type { MatrixHead } from "./model.ts";

/** The channel on which it is told that a matrix has changed: the payload is the run. */
export const matrixChannel = "waybill_matrix";

/** Rows that are written by one statement. */
const atOnce = 1_000;

/** An attempt at a run, which alone writes its matrix. */
export interface MatrixOwner {
  readonly id: string;
  readonly attempt: number;
}

/**
 * Puts a matrix in place of what earlier attempts have written.
 * @param isWhole Whether all that there is to say of the run is in it.
 * @returns Whether it was written: a later attempt's stays.
 */
export function writeMatrix(
  db: Pick<Database, "transaction">,
  { id, attempt }: MatrixOwner,
  { head, rows }: { readonly head: MatrixHead; readonly rows: Iterable<LiveRow> },
  isWhole: boolean,
): Promise<boolean> {
  return db.transaction(async (sql) => {
    const written = await sql.query(
      `INSERT INTO promotion_matrix AS known (run, attempt, is_whole, head) VALUES ($1, $2, $3, $4::json)
       ON CONFLICT (run) DO UPDATE SET attempt = EXCLUDED.attempt, is_whole = EXCLUDED.is_whole, head = EXCLUDED.head
         WHERE known.attempt <= EXCLUDED.attempt
       RETURNING run`,
      [id, attempt, isWhole, jsonText(head)],
    );
    if (written.length === 0) return false;
    await sql.query("DELETE FROM promotion_row WHERE run = $1", [id]);
    for (const some of inBatches(rows)) {
      await sql.query(
        `INSERT INTO promotion_row (run, at, project, words, digest, cells, states, worst, content)
         SELECT $1::bigint, at, project, words, digest, cells, states, worst, content FROM ${asRows}`,
        [id, jsonText(some.map(documentOf))],
      );
    }
    await sql.query("SELECT pg_notify($1, $2)", [matrixChannel, id]);
    return true;
  });
}

/**
 * Writes what has changed since.
 * @returns Whether it was written: what a later attempt has begun stays as that has it.
 */
export function changeMatrix(
  db: Pick<Database, "transaction">,
  { id, attempt }: MatrixOwner,
  { head, rows }: { readonly head: MatrixHead; readonly rows: Iterable<LiveRow> },
  isWhole: boolean,
): Promise<boolean> {
  return db.transaction(async (sql) => {
    const written = await sql.query(
      `UPDATE promotion_matrix SET head = $3::json, is_whole = $4 WHERE run = $1 AND attempt = $2 RETURNING run`,
      [id, attempt, jsonText(head), isWhole],
    );
    if (written.length === 0) return false;
    for (const some of inBatches(rows)) {
      await sql.query(
        `UPDATE promotion_row AS known
            SET cells = row.cells, states = row.states, worst = row.worst, content = row.content
           FROM ${asRows} WHERE known.run = $1 AND known.at = row.at`,
        [id, jsonText(some.map(documentOf))],
      );
    }
    await sql.query("SELECT pg_notify($1, $2)", [matrixChannel, id]);
    return true;
  });
}

const asRows = `json_to_recordset($2::json)
  AS row (at int, project text, words text, digest text, cells text, states int, worst smallint, content json)`;

function documentOf(row: LiveRow) {
  const { at, project, name, source, digest, tags, cells, entries, others } = row.read();
  const { worst, states } = row.standing;
  const words = `${project} ${name} ${digest} ${tags.join(" ")}`.toLowerCase();
  const content = { name, source, tags, entries, others };
  return { at, project, words, digest, cells, states, worst, content };
}

function* inBatches<Item>(items: Iterable<Item>): Generator<readonly Item[]> {
  let batch: Item[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < atOnce) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
