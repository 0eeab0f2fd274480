import type { Sql } from "../database/index.ts";
import type { QueuedRun, RunCount, RunFilter, RunList, RunListQuery, RunResult, RunWorker } from "./model.ts";
import { runsOf } from "./rows.ts";

const maxPage = 500;

/** The first id of a time; of a time that no id is as late as, one that is later than all. */
const firstIdAt =
  "(least((extract(epoch FROM ?::timestamptz) * 1000)::bigint - 1288834974657, 2199023255551) << 22)";

/** What a run has to fit, as conditions of SQL; `?` is the value. A run's id says when it was asked for. */
const conditions: Readonly<Record<keyof RunFilter, string>> = {
  job: "job = ?",
  kind: "kind = ?",
  type: "type = ?",
  state: "state = ?",
  result: "result = ?",
  repo: "repo = ?",
  pull: "pull = ?",
  author: "author = ?",
  machine: "split_part(worker, ':', 1) = ? AND worker IS NOT NULL",
  search: "queue_run_words(job, repo, ref, commit, author, details) @@ queue_search(?)",
  since: `id >= ${firstIdAt}`,
  until: `id < ${firstIdAt}`,
};

const orders = {
  newest: { by: "id DESC", behind: "id < ?::bigint" },
  turn: { by: "rank, id", behind: "(rank, id) > (SELECT rank, id FROM queue_run WHERE id = ?)" },
} as const;

/** A page of runs. */
export async function listRuns(
  sql: Sql,
  { limit, after, order = "newest", ...filter }: RunListQuery,
): Promise<RunList> {
  const { by, behind } = orders[order];
  const most = Math.min(Math.max(1, limit), maxPage);
  const values: unknown[] = [most + 1];
  const holding = (condition: string, value: unknown): string => {
    values.push(value);
    return condition.replace("?", `$${values.length}`);
  };
  const asked = Object.entries(conditions)
    .map(([name, condition]) => [condition, filter[name as keyof RunFilter]] as const)
    .filter(([, value]) => value !== undefined)
    .map(([condition, value]) => holding(condition, value));
  if (order === "turn") asked.push("state = 'waiting'");
  if (after !== undefined) asked.push(holding(behind, after));
  const where = asked.length === 0 ? "" : `WHERE ${asked.join(" AND ")}`;
  const found = await runsOf(sql, `SELECT * FROM queue_run ${where} ORDER BY ${by} LIMIT $1::int`, values);
  const runs = found.slice(0, most);
  return { runs, next: found.length > runs.length ? runs.at(-1)?.id : undefined };
}

/** The newest run of each job, one index entry for each. */
export async function lastRuns(
  sql: Sql,
  jobs: readonly string[],
  result: RunResult | undefined,
): Promise<ReadonlyMap<string, QueuedRun>> {
  const runs = await runsOf(
    sql,
    `SELECT run.* FROM unnest($1::text[]) AS wanted (job) CROSS JOIN LATERAL (
      SELECT * FROM queue_run WHERE job = wanted.job AND ($2::text IS NULL OR result = $2) ORDER BY id DESC LIMIT 1
    ) AS run`,
    [jobs, result],
  );
  return new Map(runs.map((run) => [run.job, run]));
}

export function countRuns(sql: Sql): Promise<readonly RunCount[]> {
  return sql.query<RunCount>(
    `SELECT job, kind, state, count(*)::int AS runs, min(asked_at) AS oldest FROM queue_run
    WHERE state <> 'ended' GROUP BY job, kind, state ORDER BY job, kind, state`,
  );
}

export function listWorkers(sql: Sql): Promise<readonly RunWorker[]> {
  return sql.query<RunWorker>(
    `SELECT name, seats, since, seen, (
      SELECT count(*)::int FROM queue_run WHERE worker = queue_worker.name AND state = 'running'
    ) AS running FROM queue_worker ORDER BY since, name`,
  );
}
