import { type Job, nextTime, type Schedule, secondsBetween } from "../jobs/index.ts";
import { type QueuedRun, QueueError } from "../queue/index.ts";
import { ask } from "./asks.ts";
import { inTurn } from "./in-turn.ts";
import type { TriggerWorld } from "./model.ts";

/** What is remembered of a job that a clock starts. */
interface ClockRow {
  readonly job: string;
  /** The schedule as it was, so that a changed one begins anew. */
  readonly schedule: string;
  /** Of `cron`: the last slot that was used or passed over. Of all others: since when the job is known. */
  readonly slot: Date;
  readonly asked_at: Date | null;
  readonly run_id: string | null;
}

/** What the clock says of a job now. */
export type ClockVerdict =
  | { readonly verdict: "wait" }
  /** Nothing starts, but this slot is over. */
  | { readonly verdict: "pass"; readonly slot: Date }
  | { readonly verdict: "start"; readonly slot: Date };

/** What is known of the last run that the clock has asked for. */
export interface ClockedRun {
  readonly startedAt: Date;
  /** `undefined` while it waits or runs. */
  readonly endedAt: Date | undefined;
}

/** A slot that is this far ahead was noted by a clock that was wrong. */
const maxAhead = 24 * 60 * 60_000;
/** Windows in which the last slot that has passed is looked for, the smallest first: milliseconds. */
const windows = [60 * 60_000, 24 * 60 * 60_000, 40 * 24 * 60 * 60_000, 9 * 366 * 24 * 60 * 60_000];

/**
 * What a schedule says at a moment. Of slots that nobody was there for, the last one counts, once. A run that is not over lets slots
 * pass. A clock that is set back starts nothing twice.
 * @param slot The last slot that was used or passed over, or when the job was first seen.
 * @param last The last run; `undefined` when there was none.
 */
export function judgeClock(
  clock: Schedule,
  slot: Date,
  last: ClockedRun | undefined,
  now: Date,
): ClockVerdict {
  const since = slot.getTime() - now.getTime() > maxAhead ? now : slot;
  const isOver = last === undefined || last.endedAt !== undefined;
  const seconds = secondsBetween(clock);
  if (seconds !== undefined) return fromInterval(last?.startedAt, seconds, isOver, now);
  if (clock.afterEndSeconds !== undefined)
    return fromInterval(last?.endedAt, clock.afterEndSeconds, isOver, now);
  const due = lastSlot(clock, since, now);
  if (due === undefined) return since === slot ? { verdict: "wait" } : { verdict: "pass", slot: since };
  return { verdict: isOver ? "start" : "pass", slot: due };
}

function fromInterval(from: Date | undefined, seconds: number, isOver: boolean, now: Date): ClockVerdict {
  if (!isOver) return { verdict: "wait" };
  const ahead = from === undefined ? 0 : from.getTime() - now.getTime();
  const isDue = from === undefined || ahead > maxAhead || -ahead >= seconds * 1000;
  return isDue ? { verdict: "start", slot: now } : { verdict: "wait" };
}

/** The last slot after a moment that has come by now. */
function lastSlot(clock: Schedule, after: Date, now: Date): Date | undefined {
  for (const window of windows) {
    const from = new Date(Math.max(after.getTime(), now.getTime() - window));
    let found: Date | undefined;
    for (let next = nextTime(clock, from); next !== undefined && next <= now; next = nextTime(clock, next)) {
      found = next;
    }
    if (found !== undefined || from.getTime() === after.getTime()) return found;
  }
  return undefined;
}

/**
 * Asks the queue for the jobs whose time has come. A job with `cron` waits for its first slot from when it is first seen; others
 * start then. Any number of processes may do it.
 * @returns How many were asked for.
 */
export async function tickClock(world: TriggerWorld): Promise<number> {
  const jobs = world.jobs().filter(({ clock }) => clock !== undefined);
  if (jobs.length === 0) return 0;
  const rows = await rowsOf(world, jobs);
  let count = 0;
  // One job keeps none of the others from being asked for.
  await inTurn(world, jobs, async (job) => {
    if (await tick(world, job, rows.get(job.name))) count += 1;
  });
  return count;
}

async function rowsOf({ db }: TriggerWorld, jobs: readonly Job[]): Promise<ReadonlyMap<string, ClockRow>> {
  const rows = await db.query<ClockRow>(
    "SELECT job, schedule, slot, asked_at, run_id FROM job_clock WHERE job = ANY ($1::text[])",
    [jobs.map(({ name }) => name)],
  );
  return new Map(rows.map((row) => [row.job, row]));
}

async function tick(world: TriggerWorld, job: Job, known: ClockRow | undefined): Promise<boolean> {
  const { db, listener } = world;
  const { clock } = job;
  if (clock === undefined) return false;
  const now = world.now();
  const schedule = JSON.stringify(clock);
  const row = known?.schedule === schedule ? known : await beginAnew(world, job.name, schedule, now);
  const judged = await judgedNow(world, clock, row, now);
  if (judged.verdict === "wait") return false;
  const asked = await db.transaction(async (sql) => {
    const [mine] = await sql.query(
      `UPDATE job_clock SET slot = $3 WHERE job = $1 AND schedule = $2 AND slot = $4 AND run_id IS NOT DISTINCT FROM $5
       RETURNING job`,
      [job.name, schedule, judged.slot, row.slot, row.run_id],
    );
    // Another process was faster.
    if (mine === undefined || judged.verdict === "pass") return undefined;
    const text = `clock: ${textOf(clock, judged.slot)}`;
    const run = await ask(sql, job, {}, { by: "clock", text, at: now.toISOString() });
    await sql.query("UPDATE job_clock SET run_id = $2, asked_at = $3 WHERE job = $1", [
      job.name,
      run.id,
      now,
    ]);
    return { run, text };
  });
  if (asked === undefined) return false;
  const { run, text: cause } = asked;
  listener?.({ type: "run-asked-for", job: job.name, run: run.id, outcome: run.outcome, cause });
  return true;
}

async function judgedNow(
  world: TriggerWorld,
  clock: Schedule,
  row: ClockRow,
  now: Date,
): Promise<ClockVerdict> {
  const { run_id: id, asked_at: at } = row;
  if (id === null || at === null) return judgeClock(clock, row.slot, undefined, now);
  // It started and ended after it was asked for: what is not due by that needs no look at it.
  const earliest = judgeClock(clock, row.slot, { startedAt: at, endedAt: at }, now);
  if (earliest.verdict === "wait") return earliest;
  return judgeClock(clock, row.slot, await clockedRun(world, id, at), now);
}

function textOf({ cron, everySeconds }: Schedule, slot: Date): string {
  if (cron !== undefined) return `${cron}, due at ${slot.toISOString()}`;
  return everySeconds === undefined ? "since the last run ended" : "since the last run started";
}

/** Slots of a schedule that was another one are nobody's; a run of it that is not over counts. */
async function beginAnew({ db }: TriggerWorld, job: string, schedule: string, now: Date): Promise<ClockRow> {
  const [row] = await db.query<ClockRow>(
    `INSERT INTO job_clock AS known (job, schedule, slot) VALUES ($1, $2, $3)
     ON CONFLICT (job) DO UPDATE SET schedule = excluded.schedule,
       slot = CASE WHEN known.schedule = excluded.schedule THEN known.slot ELSE excluded.slot END
     RETURNING job, schedule, slot, asked_at, run_id`,
    [job, schedule, now],
  );
  if (row === undefined) throw new TypeError("an upsert gives its row");
  return row;
}

async function clockedRun({ queue }: TriggerWorld, id: string, askedAt: Date): Promise<ClockedRun> {
  let run: QueuedRun;
  try {
    run = await queue.read(id);
  } catch (error) {
    // It ended so long ago that the queue has forgotten it.
    if (error instanceof QueueError && error.code === "unknown-run")
      return { startedAt: askedAt, endedAt: askedAt };
    throw error;
  }
  const endedAt = run.state === "ended" ? (run.endedAt ?? askedAt) : undefined;
  return { startedAt: run.startedAt ?? askedAt, endedAt };
}
