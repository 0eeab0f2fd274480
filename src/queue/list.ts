import type { Sql } from "../database/index.ts";
import type { QueuedRun, RunCount, RunList, RunListQuery, RunResult, RunWorker } from "./model.ts";
import { runsOf } from "./rows.ts";

const maxPage = 500;

/** A page of runs, the newest first. */
export async function listRuns(sql: Sql, { limit, after, ...filter }: RunListQuery): Promise<RunList> {
  const { job, kind, state, result, repo, pull } = filter;
  const asked = Object.entries({ job, kind, state, result, repo, pull }).filter(
    ([, value]) => value !== undefined,
  );
  const conditions = asked.map(([column], at) => `${column} = $${at + 2}`);
  const values: unknown[] = [Math.min(Math.max(1, limit), maxPage) + 1, ...asked.map(([, value]) => value)];
  if (after !== undefined) {
    values.push(after);
    conditions.push(`id < $${values.length}::bigint`);
  }
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const found = await runsOf(sql, `SELECT * FROM queue_run ${where} ORDER BY id DESC LIMIT $1::int`, values);
  const runs = found.slice(0, Math.min(Math.max(1, limit), maxPage));
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
