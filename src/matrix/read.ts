import type { Database, Sql } from "../database/index.ts";
import type { MatrixEntry, MatrixHead, MatrixMirror, MatrixRow } from "./model.ts";
import { bitsOf, type CellState, letterOf } from "./states.ts";
import { matrixChannel } from "./tables.ts";

/** A matrix as it is kept. */
export interface StoredMatrix extends MatrixHead {
  /** Whether its run has said all that there is to say: otherwise it goes on, or was cut off. */
  readonly isWhole: boolean;
  /** The attempt that has written it. */
  readonly attempt: number;
}

/** Which rows are read. */
export interface MatrixQuery {
  readonly states?: readonly CellState[] | undefined;
  readonly project?: string | undefined;
  /** A part of a project, name, tag or digest, in whichever case. */
  readonly search?: string | undefined;
  /** The number of a mirror: what is asked of states is asked of it alone. */
  readonly mirror?: number | undefined;
  /** `image` is the order of rows; `worst` has first what is least as it should be. */
  readonly order: "image" | "worst";
}

/** Where rows are read from on. */
export interface MatrixStart {
  readonly limit: number;
  /** Behind this row: how bad the worst of it is, and its number. */
  readonly after?: { readonly worst: number; readonly at: number } | undefined;
  /** So many rows of those that are asked for are passed over. */
  readonly skip?: number | undefined;
}

/** A row, and how bad the worst of it is. */
export type RankedRow = MatrixRow & { readonly worst: number };

/** The matrix of a run; `undefined` where there is none. */
export async function readMatrix(sql: Sql, run: string): Promise<StoredMatrix | undefined> {
  const [found] = await sql.query<{ head: MatrixHead; whole: boolean; attempt: number }>(
    "SELECT head, is_whole AS whole, attempt FROM promotion_matrix WHERE run = $1",
    [run],
  );
  return found && { ...found.head, isWhole: found.whole, attempt: found.attempt };
}

interface RowOfTable extends Pick<MatrixRow, "at" | "project" | "digest" | "cells"> {
  readonly worst: number;
  readonly content: {
    readonly name: string;
    readonly source?: string;
    readonly tags: readonly string[];
    readonly entries: readonly MatrixEntry[];
    readonly others: Readonly<Record<number, string>>;
  };
}

const columns = "at, project, digest, cells, worst, content";

/** Some rows of a matrix. */
export async function readMatrixRows(
  sql: Sql,
  run: string,
  query: MatrixQuery,
  { limit, after, skip = 0 }: MatrixStart,
): Promise<readonly RankedRow[]> {
  const asked = conditionsOf(run, query);
  const { conditions, values } = asked;
  const isByNumber = query.order === "image";
  if (after !== undefined) {
    conditions.push(
      isByNumber
        ? `at > ${asked.value(after.at)}`
        : `(worst, at) > (${asked.value(after.worst)}::int, ${asked.value(after.at)}::int)`,
    );
  }
  // Of all rows in their order, a row's number says how many are before it.
  const isAll = conditions.length === 1;
  if (skip > 0 && isByNumber && isAll) conditions.push(`at >= ${asked.value(skip)}`);
  const offset = skip > 0 && !(isByNumber && isAll) ? ` OFFSET ${asked.value(skip)}` : "";
  const order = isByNumber ? "at" : "worst, at";
  const rows = await sql.query<RowOfTable>(
    `SELECT ${columns} FROM promotion_row WHERE ${conditions.join(" AND ")} ORDER BY ${order} LIMIT ${asked.value(limit)}${offset}`,
    values,
  );
  return rows.map(rowOf);
}

/** How many rows there are of what is asked for. */
export async function countMatrixRows(sql: Sql, run: string, query: MatrixQuery): Promise<number> {
  const { conditions, values } = conditionsOf(run, query);
  const [found] = await sql.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM promotion_row WHERE ${conditions.join(" AND ")}`,
    values,
  );
  return found?.count ?? 0;
}

/** One row; `undefined` where there is none. */
export async function readMatrixRow(sql: Sql, run: string, at: number): Promise<MatrixRow | undefined> {
  const [row] = await sql.query<RowOfTable>(
    `SELECT ${columns} FROM promotion_row WHERE run = $1 AND at = $2`,
    [run, at],
  );
  return row && rowOf(row);
}

/** A row, and the run that it is of. */
export type RowOfRun = MatrixRow & { readonly run: string };

/** The rows of some runs that are of some digests. */
export async function readRowsOfDigests(
  sql: Sql,
  runs: readonly string[],
  digests: readonly string[],
): Promise<readonly RowOfRun[]> {
  const rows = await sql.query<RowOfTable & { readonly run: string }>(
    `SELECT run::text AS run, ${columns} FROM promotion_row
     WHERE digest = ANY($1::text[]) AND run = ANY($2::bigint[]) ORDER BY run, at`,
    [[...new Set(digests)], runs],
  );
  return rows.map((row) => ({ ...rowOf(row), run: row.run }));
}

/** The mirrors of some runs by the ids of these; a run of which no matrix is kept is left out. */
export async function mirrorsOfRuns(
  sql: Sql,
  runs: readonly string[],
): Promise<ReadonlyMap<string, readonly Pick<MatrixMirror, "name">[]>> {
  const rows = await sql.query<{ readonly run: string; readonly mirrors: MatrixHead["mirrors"] }>(
    "SELECT run::text AS run, head -> 'mirrors' AS mirrors FROM promotion_matrix WHERE run = ANY($1::bigint[])",
    [runs],
  );
  return new Map(rows.map(({ run, mirrors }) => [run, mirrors]));
}

/** Rows of a run by which it is found out whether it shares an image with another one. */
const mostCompared = 200;

/** Those of some runs that have an image in common with a run, as far as the first rows of each tell. */
export async function runsThatShare(
  sql: Sql,
  run: string,
  others: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql.query<{ readonly run: string }>(
    `SELECT other::text AS run FROM unnest($2::bigint[]) AS other WHERE EXISTS (
       SELECT FROM (SELECT digest FROM promotion_row WHERE run = other ORDER BY at LIMIT ${mostCompared}) AS beginning
       WHERE EXISTS (SELECT FROM promotion_row AS own WHERE own.digest = beginning.digest AND own.run = $1))`,
    [run, others],
  );
  return new Set(rows.map((row) => row.run));
}

/** Calls back when the matrix of a run may have changed. @returns What ends it. */
export function onMatrixChange(
  db: Pick<Database, "listen">,
  onChange: (run: string | undefined) => void,
): Promise<() => Promise<void>> {
  return db.listen(matrixChannel, onChange, () => onChange(undefined));
}

function conditionsOf(run: string, { states, project, search, mirror }: MatrixQuery) {
  const values: unknown[] = [];
  const value = (given: unknown): string => `$${values.push(given)}`;
  const conditions = [`run = ${value(run)}`];
  if (mirror !== undefined) {
    const cell = `substr(cells, ${value(mirror + 1)}::int, 1)`;
    conditions.push(
      states === undefined
        ? `${cell} <> '${letterOf(undefined)}'`
        : `${cell} = ANY(${value(states.map(letterOf))}::text[])`,
    );
  } else if (states !== undefined) conditions.push(`(states & ${value(bitsOf(states))}::int) <> 0`);
  if (project !== undefined) conditions.push(`project = ${value(project)}`);
  if (search !== undefined) conditions.push(`position(${value(search.toLowerCase())} in words) > 0`);
  return { conditions, values, value };
}

function rowOf({ at, project, digest, cells, worst, content }: RowOfTable): RankedRow {
  const { name, source, tags, entries, others } = content;
  return { at, project, name, source, digest, tags, cells, entries, others, worst };
}

/** The production repository of a cell. */
export function repositoryOfCell(
  { others, name }: Pick<MatrixRow, "others" | "name">,
  mirrors: readonly Pick<MatrixMirror, "name">[],
  mirror: number,
): string {
  return others[mirror] ?? `${mirrors[mirror]?.name ?? ""}/${name}`;
}
