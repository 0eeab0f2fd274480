import type { Migration, Sql } from "../database/index.ts";
import { type Job, judgePush, refOf } from "../jobs/index.ts";
import type { QueuedRun } from "../queue/index.ts";
import { ask } from "./asks.ts";
import { inTurn } from "./in-turn.ts";
import type { TriggerWorld } from "./model.ts";
import { wake } from "./notices.ts";

/** The table of promotions that are asked for again by themselves. */
export const retryMigrations: readonly Migration[] = [
  {
    id: "retry-0001",
    sql: `
CREATE TABLE promotion_retry (
  job text NOT NULL,
  key text NOT NULL,
  ref text,
  state text NOT NULL CHECK (state IN ('failed', 'due', 'asked', 'over')),
  failures integer NOT NULL,
  since timestamptz,
  due_at timestamptz,
  run_id bigint NOT NULL,
  summary text NOT NULL,
  crashed boolean NOT NULL,
  PRIMARY KEY (job, key)
);
CREATE INDEX promotion_retry_waiting ON promotion_retry (due_at) WHERE state IN ('failed', 'due');
`,
  },
];

/** What is remembered of a promotion that has failed. */
interface RetryRow {
  readonly job: string;
  readonly key: string;
  readonly ref: string | null;
  /** `failed`: nobody has said yet when it is asked for again. */
  readonly state: "failed" | "due";
  /** In a row. */
  readonly failures: number;
  /** Since when it fails, by the clock of those who ask. */
  readonly since: Date | null;
  readonly due_at: Date | null;
  readonly run_id: string;
  readonly summary: string;
  /** Its workers died of it, or with it. */
  readonly crashed: boolean;
}

const minute = 60_000;
/** The pause before it is asked for again, doubled for each failure in a row, up to the longest. */
const firstPause = minute;
const firstPauseOfCrashed = 15 * minute;
const longestPause = 60 * minute;
/** Beyond that, it waits for somebody, or for what starts it anyway. */
const givenUpAfter = 24 * 60 * minute;
/** Those that fail for one outage do not come back in one moment. */
const jitter = 0.2;
const maxSummary = 300;

/**
 * Remembers that a promotion has not come to its end, in the transaction in which that happens: `onEnd` of the queue. Production is not as
 * asked then, and nothing need happen in Git for it to become so. What needs a person, such as a conflict, is not tried again; nor is
 * what somebody has stopped.
 */
export async function noteRetry(sql: Sql, run: QueuedRun): Promise<void> {
  const { id, job, kind, key, ref, result, details, pull, shadow, crashes } = run;
  if (kind !== "promote" || pull !== undefined || shadow === true) return;
  if (result === "ABORTED" && details?.replacedBy !== undefined) return;
  const isAgain = result === "ERROR" || (result === "FAILURE" && details?.mayPass === true);
  if (!isAgain) {
    await sql.query("DELETE FROM promotion_retry WHERE job = $1 AND key = $2", [job, key]);
    return;
  }
  const summary = (details?.summary ?? "").slice(0, maxSummary);
  await sql.query(
    `INSERT INTO promotion_retry AS known (job, key, ref, state, failures, run_id, summary, crashed)
     VALUES ($1, $2, $3, 'failed', 1, $4, $5, $6)
     ON CONFLICT (job, key) DO UPDATE SET ref = excluded.ref, state = 'failed', run_id = excluded.run_id,
       summary = excluded.summary, crashed = excluded.crashed, due_at = NULL,
       failures = CASE WHEN known.state = 'over' THEN 1 ELSE known.failures + 1 END,
       since = CASE WHEN known.state = 'over' THEN NULL ELSE known.since END`,
    [job, key, ref, id, summary, result === "ERROR" && crashes > 0],
  );
  await wake(sql);
}

/** A promotion that has failed and is asked for again by itself. */
export interface DueRetry {
  readonly job: string;
  readonly key: string;
  readonly ref: string | undefined;
  /** In a row. */
  readonly failures: number;
  readonly since: Date | undefined;
  /** `undefined` of one that nobody asks for any more: it waits for somebody. */
  readonly dueAt: Date | undefined;
  /** The run that failed last. */
  readonly run: string;
  readonly summary: string;
}

/** Promotions that are asked for again, the next one first; then those that were given up. */
export async function listRetries(sql: Sql): Promise<readonly DueRetry[]> {
  const rows = await sql.query<Omit<RetryRow, "state" | "crashed">>(
    `SELECT job, key, ref, failures, since, due_at, run_id, summary FROM promotion_retry
     WHERE state IN ('due', 'over') ORDER BY due_at NULLS LAST, job, key`,
  );
  return rows.map(({ ref, since, due_at, run_id, ...row }) => ({
    ...row,
    ...{ ref: ref ?? undefined, since: since ?? undefined, dueAt: due_at ?? undefined, run: run_id },
  }));
}

/** What is due later than any pause was noted by a clock that was wrong. */
const isDue = "(state = 'failed' OR (state = 'due' AND (due_at <= $1 OR due_at > $2)))";

/**
 * Asks for the promotions whose pause is over. Any number of processes may do it: each pause ends once.
 * @returns How many were asked for.
 */
export async function retryPromotions(world: TriggerWorld): Promise<number> {
  const now = world.now();
  const rows = await world.db.query<Pick<RetryRow, "job" | "key">>(
    `SELECT job, key FROM promotion_retry WHERE ${isDue} ORDER BY due_at`,
    dueAt(now),
  );
  let count = 0;
  await inTurn(world, rows, async (row) => {
    if (await retry(world, row, now)) count += 1;
  });
  return count;
}

function dueAt(now: Date): readonly [Date, Date] {
  return [now, new Date(now.getTime() + 2 * longestPause)];
}

async function retry(
  world: TriggerWorld,
  { job: name, key }: Pick<RetryRow, "job" | "key">,
  now: Date,
): Promise<boolean> {
  const { db, jobs, listener, random } = world;
  const job = jobs().find((each) => each.name === name);
  const done = await db.transaction(async (sql) => {
    const [row] = await sql.query<RetryRow>(
      `SELECT job, key, ref, state, failures, since, due_at, run_id, summary, crashed FROM promotion_retry
       WHERE ${isDue} AND job = $3 AND key = $4 FOR UPDATE SKIP LOCKED`,
      [...dueAt(now), name, key],
    );
    // Another process was faster.
    if (row === undefined) return undefined;
    const change = (set: string, ...values: unknown[]): Promise<unknown> =>
      sql.query(`UPDATE promotion_retry SET ${set} WHERE job = $1 AND key = $2`, [name, key, ...values]);
    if (job === undefined || !isOfJob(job, row.ref ?? undefined)) {
      await sql.query("DELETE FROM promotion_retry WHERE job = $1 AND key = $2", [name, key]);
      return undefined;
    }
    if (row.state === "failed") {
      const since = row.since === null || row.since > now ? now : row.since;
      const isOver = now.getTime() - since.getTime() >= givenUpAfter;
      const due = isOver ? null : new Date(now.getTime() + pauseAfter(row, random()));
      await change("state = $3, since = $4, due_at = $5", isOver ? "over" : "due", since, due);
      return { row, since, due, run: undefined };
    }
    const text = `again after ${row.failures === 1 ? "a failure" : `${row.failures} failures`}, the last of them run ${row.run_id}: ${row.summary}`;
    const { failures } = row;
    const cause = { by: "retry", text, at: now.toISOString(), failures } as const;
    const run = await ask(sql, job, { ref: row.ref ?? undefined }, cause);
    await change("state = 'asked', due_at = NULL");
    return { row, run, text };
  });
  if (done === undefined) return false;
  if (done.run !== undefined) {
    const { run, text: cause } = done;
    listener?.({ type: "run-asked-for", job: name, run: run.id, outcome: run.outcome, cause });
    return true;
  }
  const { row, since, due } = done;
  const { failures, run_id: run, summary } = row;
  listener?.({ type: "run-retried", job: name, run, failures, since, summary, dueAt: due ?? undefined });
  return false;
}

function pauseAfter({ failures, crashed }: RetryRow, random: number): number {
  const first = crashed ? firstPauseOfCrashed : firstPause;
  const pause = Math.min(first * 2 ** Math.min(failures - 1, 10), longestPause);
  return Math.round(pause * (1 - jitter + 2 * jitter * random));
}

/** Whether a job as it is now would still promote what a branch asks for, by itself and for good. */
function isOfJob(job: Job, ref: string | undefined): boolean {
  const { work, shadow, on, clock, after, registry } = job;
  if (work.kind !== "promote" || work.promote.dryRun === true || shadow === true) return false;
  if (clock !== undefined && (ref === undefined || ref === refOf(job, "clock"))) return true;
  const isUsual = ref === undefined || ref === refOf(job, "retry");
  if (isUsual && (after !== undefined || registry !== undefined)) return true;
  if (ref === undefined) return on !== undefined;
  const anyPath = { ...job, on: on && { ...on, paths: undefined, skipPaths: undefined } };
  return judgePush(anyPath, { ref, changes: [] }).verdict === "run";
}
