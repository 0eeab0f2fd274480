import type { Sql } from "../database/index.ts";
import type {
  FailingJob,
  JobStatistics,
  QueuedRun,
  RunCount,
  RunResult,
  RunTry,
  RunWorker,
} from "./model.ts";
import { runsOf } from "./rows.ts";

/** Runs of a job that say how it goes, and attempts of a run that are shown. */
const most = 100;

/** The newest run of each job, one index entry for each. */
export async function lastRuns(
  sql: Sql,
  jobs: readonly string[],
  result: RunResult | undefined,
): Promise<ReadonlyMap<string, QueuedRun>> {
  const condition = result === undefined ? "" : "AND result = $2";
  const runs = await runsOf(
    sql,
    `SELECT run.* FROM unnest($1::text[]) AS wanted (job) CROSS JOIN LATERAL (
      SELECT * FROM queue_run WHERE job = wanted.job ${condition} ORDER BY id DESC LIMIT 1
    ) AS run`,
    result === undefined ? [jobs] : [jobs, result],
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

/** The attempts of a run. */
export async function listTries(sql: Sql, id: string): Promise<readonly RunTry[]> {
  const rows = await sql.query<{
    attempt: number;
    worker: string;
    started_at: Date;
    ended_at: Date | null;
    ending: RunTry["ending"] | null;
  }>(
    `SELECT attempt, worker, started_at, ended_at, ending FROM queue_attempt WHERE run = $1 ORDER BY attempt DESC LIMIT ${most}`,
    [id],
  );
  return rows
    .map(({ attempt, worker, started_at, ended_at, ending }) => ({
      ...{ attempt, worker, startedAt: started_at },
      ...{ endedAt: ended_at ?? undefined, ending: ending ?? undefined },
    }))
    .reverse();
}

/** How the last runs of a job went. */
export async function statisticsOf(sql: Sql, job: string): Promise<JobStatistics> {
  const [row] = await sql.query<{ runs: number; succeeded: number; median: number | null }>(
    `SELECT count(*)::int AS runs, count(*) FILTER (WHERE result = 'SUCCESS')::int AS succeeded,
      percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - started_at)::float8)
        FILTER (WHERE result = 'SUCCESS' AND started_at IS NOT NULL) AS median
    FROM (
      SELECT result, started_at, ended_at FROM queue_run
      WHERE job = $1 AND state = 'ended' AND result <> 'ABORTED' ORDER BY id DESC LIMIT ${most}
    ) AS run`,
    [job],
  );
  return { runs: row?.runs ?? 0, succeeded: row?.succeeded ?? 0, medianSeconds: row?.median ?? undefined };
}

/** Jobs that have failed since they last succeeded: of each, one look at its last success and one at what is behind it. */
export async function failingJobs(sql: Sql, jobs: readonly string[]): Promise<readonly FailingJob[]> {
  const rows = await sql.query<{ run: string; failures: number; since: Date }>(
    `SELECT failed.* FROM unnest($1::text[]) AS wanted (job) CROSS JOIN LATERAL (
      SELECT max(id) AS run, count(*)::int AS failures, min(ended_at) AS since FROM (
        SELECT id, ended_at FROM queue_run WHERE job = wanted.job AND result IN ('FAILURE', 'ERROR') AND id > coalesce(
          (SELECT id FROM queue_run WHERE job = wanted.job AND result = 'SUCCESS' ORDER BY id DESC LIMIT 1), 0
        ) ORDER BY id DESC LIMIT ${most}
      ) AS run
    ) AS failed WHERE failures > 0`,
    [jobs],
  );
  const runs = await runsOf(sql, "SELECT * FROM queue_run WHERE id = ANY ($1::bigint[])", [
    rows.map(({ run }) => run),
  ]);
  const runOf = new Map(runs.map((run) => [run.id, run]));
  return rows
    .flatMap(({ run: id, failures, since }) => {
      const run = runOf.get(id);
      return run === undefined ? [] : [{ run, failures, since }];
    })
    .sort((one, other) => other.since.getTime() - one.since.getTime());
}
