import type { Database, Sql } from "../database/index.ts";
import { askOnceMore } from "./ask.ts";
import { QueueError } from "./errors.ts";
import { countRuns, failingJobs, lastRuns, listTries, listWorkers, statisticsOf } from "./history.ts";
import { countFitting, listRuns } from "./list.ts";
import type { JobCaution, Queue, QueuedRun, QueueOptions, RunCause } from "./model.ts";
import { listenToQueue, tellChanges, tellStop } from "./notices.ts";
import { lockedRun, readRun, runsOf } from "./rows.ts";
import { abortedBy, Settling } from "./settle.ts";
import { supervise } from "./supervise.ts";
import { whyWaiting } from "./why-waiting.ts";
import { WorkingProcess } from "./worker.ts";

/** Runs that are forgotten in one statement. */
const batch = 1_000;

/** The queue whose tables a database has, by {@link queueMigrations}. */
export function openQueue(db: Database, options: QueueOptions = {}): Queue {
  const settling = new Settling(options);
  return {
    read: (id) => readRun(db, id),
    list: (query) => listRuns(db, query),
    count: (filter) => countFitting(db, filter),
    tries: (id) => listTries(db, id),
    statistics: (job) => statisticsOf(db, job),
    failing: (jobs) => failingJobs(db, jobs),
    lastRuns: (jobs, result) => lastRuns(db, jobs, result),
    counts: () => countRuns(db),
    workers: () => listWorkers(db),
    whyWaiting: (ids) => whyWaiting(db, ids),
    abort: (sql, id, by) => abort(sql, settling, id, by),
    hold: (sql, id, why) => hold(sql, settling, id, why),
    release: (sql, id) => release(sql, settling, id),
    rerun: (sql, id, cause, now) => rerun(sql, id, cause, now),
    setCapacities: (capacities) => setCapacities(db, capacities),
    onChange: (listener) => listenToQueue(db, listener),
    work: (worker) => new WorkingProcess(db, settling, worker).work(),
    supervise: (supervisor) => supervise(db, settling, supervisor),
    forgetEnded: (before) => forgetEnded(db, before),
  };
}

async function abort(
  sql: Sql,
  settling: Settling,
  id: string,
  { who, why }: { readonly who: string; readonly why: string },
): Promise<QueuedRun> {
  const run = await lockedRun(sql, id);
  if (run.state === "ended") {
    throw new QueueError("ended", `run ${id} has ended: ${run.result}`, { where: run.job });
  }
  const [marked = run] = await runsOf(
    sql,
    "UPDATE queue_run SET abort = coalesce(abort, $2) WHERE id = $1 RETURNING *",
    [id, { who, why, at: new Date().toISOString() }],
  );
  if (run.state !== "running") {
    return settling.end(sql, marked, { result: "ABORTED", details: { summary: abortedBy({ who, why }) } });
  }
  await tellStop(sql, id);
  await tellChanges(sql, [marked]);
  return marked;
}

async function hold(sql: Sql, settling: Settling, id: string, why: string): Promise<QueuedRun> {
  const run = await lockedRun(sql, id);
  if (run.state !== "waiting") {
    throw new QueueError("not-waiting", `run ${id} does not wait: it is ${run.state}`, { where: run.job });
  }
  const [other] = await runsOf(
    sql,
    "SELECT * FROM queue_run WHERE job = $1 AND key = $2 AND state = 'held'",
    [run.job, run.key],
  );
  if (other !== undefined) {
    const summary = `run ${other.id}, which is held and was asked for later, takes its place`;
    return settling.end(sql, run, { result: "ABORTED", details: { summary, replacedBy: other.id } });
  }
  const [held = run] = await runsOf(
    sql,
    "UPDATE queue_run SET state = 'held', held = $2 WHERE id = $1 RETURNING *",
    [id, why],
  );
  await tellChanges(sql, [held]);
  return held;
}

async function release(sql: Sql, settling: Settling, id: string): Promise<QueuedRun> {
  const run = await lockedRun(sql, id);
  if (run.state !== "held") {
    throw new QueueError("not-held", `run ${id} is not held: it is ${run.state}`, { where: run.job });
  }
  const older = await runsOf(
    sql,
    "SELECT * FROM queue_run WHERE job = $1 AND key = $2 AND state = 'waiting' FOR UPDATE",
    [run.job, run.key],
  );
  for (const waiting of older) {
    const summary = `run ${id}, which was asked for later and is released, takes its place`;
    await settling.end(sql, waiting, { result: "ABORTED", details: { summary, replacedBy: id } });
  }
  const [released = run] = await runsOf(
    sql,
    `UPDATE queue_run SET state = 'waiting', held = NULL, rank = extract(epoch FROM now()) - 60.0 * priority
    WHERE id = $1 RETURNING *`,
    [id],
  );
  await tellChanges(sql, [released]);
  return released;
}

async function rerun(sql: Sql, id: string, cause: RunCause, now: JobCaution = {}) {
  const { held, input, ...run } = await readRun(sql, id);
  // What a person never released is not let through by asking for it again; what was released, was released once.
  const { notBefore: _, ...subject } = { ...run, input: input as object };
  const cautious = { held: held ?? now.held, shadow: run.shadow || now.shadow };
  return askOnceMore(sql, { ...subject, ...cautious, cause }, id);
}

async function setCapacities(db: Database, capacities: Readonly<Record<string, number>>): Promise<void> {
  await db.transaction(async (sql) => {
    await sql.query("DELETE FROM queue_capacity WHERE label <> ALL ($1::text[])", [Object.keys(capacities)]);
    await sql.query(
      `INSERT INTO queue_capacity (label, places) SELECT * FROM unnest($1::text[], $2::int[])
      ON CONFLICT (label) DO UPDATE SET places = excluded.places`,
      [Object.keys(capacities), Object.values(capacities)],
    );
  });
}

async function forgetEnded(db: Database, before: Date): Promise<number> {
  for (let forgotten = 0; ; ) {
    const gone = await db.query(
      `WITH gone AS (
        DELETE FROM queue_run WHERE id IN (
          SELECT id FROM queue_run WHERE state = 'ended' AND ended_at < $1 ORDER BY ended_at LIMIT ${batch} FOR UPDATE SKIP LOCKED
        ) RETURNING id
      ), tried AS (DELETE FROM queue_attempt USING gone WHERE run = gone.id)
      SELECT id FROM gone`,
      [before],
    );
    forgotten += gone.length;
    if (gone.length < batch) return forgotten;
  }
}
