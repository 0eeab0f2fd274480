import type { Sql } from "../database/index.ts";
import type { OneOf, RunFilter, RunList, RunListQuery, RunTotal } from "./model.ts";
import { runsOf } from "./rows.ts";

const maxPage = 500;
/** Runs that are counted one by one. */
const maxCounted = 10_000;

/** The first id of a time; of a time that no id is as late as, one that is later than all. */
const firstIdAt =
  "(least((extract(epoch FROM ?::timestamptz) * 1000)::bigint - 1288834974657, 2199023255551) << 22)";

/** What a run has to fit, as conditions of SQL; `?` is the value. A run's id says when it was asked for. */
const conditions = {
  pull: "pull = ?",
  search: "words @@ queue_search(?)",
  since: `id >= ${firstIdAt}`,
  until: `id < ${firstIdAt}`,
} as const;

/** What may be one of several words, by what has to be it. */
const choices = {
  kind: "kind",
  type: "type",
  state: "state",
  result: "result",
  machine: "split_part(worker, ':', 1)",
} as const;

/** The same where `*` stands for any text. Each has an index, by which the few names that there are become known. */
const patterns = ["job", "repo", "author"] as const;

interface Order {
  readonly by: string;
  readonly reverse: string;
  readonly behind: string;
  readonly ahead: string;
  /** What it has a place for at all. */
  readonly only?: string;
}

const length = "(ended_at - started_at)";
const lengthOf = `(SELECT ${length}, id FROM queue_run WHERE id = ?)`;
const rankOf = "(SELECT rank, id FROM queue_run WHERE id = ?)";

const orders: Readonly<Record<NonNullable<RunListQuery["order"]>, Order>> = {
  newest: { by: "id DESC", reverse: "id", behind: "id < ?::bigint", ahead: "id > ?::bigint" },
  oldest: { by: "id", reverse: "id DESC", behind: "id > ?::bigint", ahead: "id < ?::bigint" },
  longest: {
    by: `${length} DESC, id DESC`,
    reverse: `${length}, id`,
    behind: `(${length}, id) < ${lengthOf}`,
    ahead: `(${length}, id) > ${lengthOf}`,
    only: "state = 'ended' AND started_at IS NOT NULL",
  },
  turn: {
    by: "rank, id",
    reverse: "rank DESC, id DESC",
    behind: `(rank, id) > ${rankOf}`,
    ahead: `(rank, id) < ${rankOf}`,
    only: "state = 'waiting'",
  },
};

/** A condition of SQL that grows, with its values. */
class Where {
  readonly values: unknown[] = [];
  readonly #conditions: string[] = [];

  add(condition: string, ...values: readonly unknown[]): void {
    let at = this.values.length;
    this.values.push(...values);
    this.#conditions.push(condition.replace(/\?/g, () => `$${++at}`));
  }

  /** One value is compared by itself: then an index gives what is found in its order. */
  addChoice(expression: string, given: OneOf<unknown>): void {
    const wanted = listOf(given);
    if (wanted.length === 1) this.add(`${expression} = ?`, wanted[0]);
    else this.add(`${expression} = ANY (?::text[])`, wanted);
  }

  get text(): string {
    return this.#conditions.length === 0 ? "" : `WHERE ${this.#conditions.join(" AND ")}`;
  }
}

function whereOf(filter: RunFilter): Where {
  const where = new Where();
  for (const name of patterns) {
    const given = filter[name];
    if (given === undefined) continue;
    const wanted = listOf(given);
    if (wanted.some((word) => word.includes("*"))) {
      where.add(`${name} = ANY (${namesLike(name)})`, wanted.map(likeOf));
    } else where.addChoice(name, wanted);
  }
  for (const [name, expression] of Object.entries(choices)) {
    const given = filter[name as keyof typeof choices];
    if (given !== undefined) where.addChoice(expression, given);
  }
  // As the index has it that finds machines.
  if (filter.machine !== undefined) where.add("worker IS NOT NULL");
  if (filter.status !== undefined) {
    const wanted = listOf(filter.status);
    const states = wanted.filter((word) => /^[a-z]/.test(word));
    const results = wanted.filter((word) => /^[A-Z]/.test(word));
    if (results.length === 0) where.addChoice("state", states);
    else if (states.length === 0) where.addChoice("result", results);
    else where.add("(state = ANY (?::text[]) OR result = ANY (?::text[]))", states, results);
  }
  for (const [name, condition] of Object.entries(conditions)) {
    const value = filter[name as keyof typeof conditions];
    if (value !== undefined) where.add(condition, value);
  }
  return where;
}

function listOf<Value>(given: OneOf<Value>): readonly Value[] {
  return Array.isArray(given) ? given : [given as Value];
}

function likeOf(pattern: string): string {
  return pattern.replace(/[\\%_]/g, "\\$&").replaceAll("*", "%");
}

/** The different values of a column that are like one of several patterns, from one to the next in its index. */
function namesLike(column: (typeof patterns)[number]): string {
  const next = (after: string): string =>
    `SELECT ${column} AS name FROM queue_run WHERE ${column} IS NOT NULL ${after} ORDER BY ${column} LIMIT 1`;
  return `ARRAY (
    WITH RECURSIVE known AS (
      (${next("")}) UNION ALL SELECT (${next(`AND ${column} > known.name`)}) FROM known WHERE known.name IS NOT NULL
    )
    SELECT name FROM known WHERE name LIKE ANY (?::text[])
  )`;
}

/** A page of runs. */
export async function listRuns(
  sql: Sql,
  { limit, after, before, order = "newest", ...filter }: RunListQuery,
): Promise<RunList> {
  const { by, reverse, behind, ahead, only } = orders[order];
  const most = Math.min(Math.max(1, limit), maxPage);
  const where = whereOf(filter);
  if (only !== undefined) where.add(only);
  if (before !== undefined) where.add(ahead, before);
  else if (after !== undefined) where.add(behind, after);
  const found = await runsOf(
    sql,
    `SELECT * FROM queue_run ${where.text} ORDER BY ${before === undefined ? by : reverse} LIMIT ${most + 1}`,
    where.values,
  );
  const runs = found.slice(0, most);
  const isMore = found.length > runs.length;
  if (before !== undefined) runs.reverse();
  const [first, last] = [runs.at(0)?.id, runs.at(-1)?.id];
  return {
    runs,
    next: before !== undefined || isMore ? last : undefined,
    previous: (before === undefined ? after !== undefined : isMore) ? first : undefined,
  };
}

/** How many runs fit: counted up to a bound, and beyond it what the database knows of its tables. */
export async function countFitting(sql: Sql, filter: RunFilter): Promise<RunTotal> {
  const { text, values } = whereOf(filter);
  const [counted] = await sql.query<{ runs: number }>(
    `SELECT count(*)::int AS runs FROM (SELECT FROM queue_run ${text} LIMIT ${maxCounted + 1}) AS run`,
    values,
  );
  const runs = counted?.runs ?? 0;
  if (runs <= maxCounted) return { runs, isExact: true };
  const [row] = await sql.query<{
    "QUERY PLAN": readonly { readonly Plan: { readonly "Plan Rows": number } }[];
  }>(`EXPLAIN (FORMAT JSON) SELECT FROM queue_run ${text}`, values);
  const estimate = row?.["QUERY PLAN"][0]?.Plan["Plan Rows"] ?? 0;
  return { runs: Math.max(runs, estimate), isExact: false };
}
