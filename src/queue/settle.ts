import type { Database, Sql } from "../database/index.ts";
import type { QueuedRun, QueueOptions, RunDetails, RunOutcome, RunProgress } from "./model.ts";
import { tellChanges } from "./notices.ts";
import { runsOf } from "./rows.ts";

/** An attempt that dies with its worker this many times is not tried again. */
export const maxCrashes = 3;

/** Characters of what is said of an end. */
const maxSummary = 2_000;
const maxDetails = 32_000;

/** Names an attempt: no other worker ever has all three. */
export interface AttemptName {
  readonly id: string;
  readonly attempt: number;
  readonly worker: string;
}

const anAttempt = "id = $1 AND attempt = $2 AND worker = $3 AND state = 'running'";

function valuesOf({ id, attempt, worker }: AttemptName): readonly unknown[] {
  return [id, attempt, worker];
}

/** How runs come to their end, in whatever way. All of it within the caller's transaction. */
export class Settling {
  readonly #onEnd: QueueOptions["onEnd"];
  readonly #endOf: QueueOptions["endOf"];

  constructor({ onEnd, endOf }: QueueOptions) {
    this.#onEnd = onEnd;
    this.#endOf = endOf;
  }

  /** Ends a run that the caller has locked, and whose state is its business. */
  async end(sql: Sql, run: QueuedRun, outcome: RunOutcome): Promise<QueuedRun> {
    const ended = await this.#end(sql, outcome, "id = $1", [run.id]);
    return ended ?? run;
  }

  /** Ends an attempt. @returns Whether it was that worker's still. */
  async endAttempt(sql: Sql, name: AttemptName, outcome: RunOutcome): Promise<boolean> {
    return (await this.#end(sql, outcome, anAttempt, valuesOf(name))) !== undefined;
  }

  async #end(
    sql: Sql,
    { result, details }: RunOutcome,
    condition: string,
    values: readonly unknown[],
  ): Promise<QueuedRun | undefined> {
    const at = values.length;
    const [ended] = await runsOf(
      sql,
      `WITH ended AS (
        UPDATE queue_run SET state = 'ended', result = $${at + 1}, details = $${at + 2}, ended_at = clock_timestamp(), progress = NULL
        WHERE ${condition} RETURNING *
      ), freed AS (DELETE FROM queue_slot USING ended WHERE run = ended.id),
      over AS (
        UPDATE queue_attempt AS tried SET ended_at = ended.ended_at, ending = ended.result FROM ended
        WHERE tried.run = ended.id AND tried.attempt = ended.attempt AND tried.ending IS NULL
      )
      SELECT * FROM ended`,
      [...values, result, bounded(details)],
    );
    if (ended === undefined) return undefined;
    await this.#onEnd?.(sql, ended);
    await tellChanges(sql, [ended]);
    return ended;
  }

  /** Lets a run wait again that its worker gives back. @returns Whether it was that worker's still. */
  async handOver(sql: Sql, name: AttemptName): Promise<boolean> {
    const run = await lockedAttempt(sql, name);
    if (run !== undefined) await this.#leave(sql, run, run.crashes);
    return run !== undefined;
  }

  /** Lets a run wait again whose worker is gone, unless it had ended. */
  takeUp(sql: Sql, run: QueuedRun): Promise<void> {
    return this.#leave(sql, run, run.crashes + 1);
  }

  async #leave(sql: Sql, run: QueuedRun, crashes: number): Promise<void> {
    const outcome = await this.#endOf?.(sql, run);
    if (outcome === undefined) await this.#putBack(sql, run, crashes);
    else await this.end(sql, run, outcome);
  }

  async #putBack(sql: Sql, run: QueuedRun, crashes: number): Promise<void> {
    const { abort } = run;
    await sql.query(
      `WITH tried AS (
        UPDATE queue_attempt SET ended_at = clock_timestamp(), ending = $4 WHERE run = $1 AND attempt = $3 AND ending IS NULL
      )
      UPDATE queue_run SET crashes = $2, progress = NULL WHERE id = $1`,
      [run.id, crashes, run.attempt, crashes > run.crashes ? "died" : "handed-over"],
    );
    if (abort !== undefined) {
      await this.end(sql, run, { result: "ABORTED", details: { summary: abortedBy(abort) } });
      return;
    }
    if (crashes >= maxCrashes) {
      const summary = `given up: the worker died in each of ${crashes} attempts`;
      await this.end(sql, run, { result: "ERROR", details: { summary } });
      return;
    }
    if (await this.isReplaced(sql, run)) return;
    await sql.query("DELETE FROM queue_slot WHERE run = $1", [run.id]);
    await sql.query("UPDATE queue_run SET state = 'waiting' WHERE id = $1", [run.id]);
    await tellChanges(sql, [{ id: run.id, state: "waiting" }]);
  }

  /** Of two runs of a key that would wait, the newer one stays, with the other's place. @returns Whether there was such a one. */
  async isReplaced(sql: Sql, run: QueuedRun): Promise<boolean> {
    const [newer] = await runsOf(
      sql,
      `UPDATE queue_run SET rank = least(rank, (SELECT rank FROM queue_run WHERE id = $3))
      WHERE job = $1 AND key = $2 AND state = 'waiting' AND id <> $3 RETURNING *`,
      [run.job, run.key, run.id],
    );
    if (newer === undefined) return false;
    const summary = `run ${newer.id}, which was asked for later, takes its place`;
    await this.end(sql, run, { result: "ABORTED", details: { summary, replacedBy: newer.id } });
    return true;
  }
}

/**
 * What has to be done in the transaction that restores a database: no worker is left of what ran at the time of the backup, and
 * those that are still alive somewhere write nothing. No run counts it as a crash.
 */
export async function forgetWorkers(sql: Sql, options: QueueOptions = {}): Promise<void> {
  const settling = new Settling(options);
  await sql.query("DELETE FROM queue_worker");
  const names = await sql.query<AttemptName>(
    "SELECT id, attempt, worker FROM queue_run WHERE state = 'running' ORDER BY id",
  );
  for (const name of names) await settling.handOver(sql, name);
}

/** Details are read with every list: what is too long is left out of them. */
function bounded(details: RunDetails | undefined): RunDetails | undefined {
  if (details === undefined) return undefined;
  const summary = details.summary.slice(0, maxSummary);
  return JSON.stringify(details).length <= maxDetails ? { ...details, summary } : { summary };
}

/** What is said of a run that somebody stopped. */
export function abortedBy({ who, why }: { readonly who: string; readonly why: string }): string {
  return `aborted by ${who}: ${why}`;
}

/** Writes down how far an attempt is, while it is its worker's. */
export async function writeProgress(db: Database, name: AttemptName, progress: RunProgress): Promise<void> {
  await db.transaction(async (sql) => {
    const written = await sql.query(`UPDATE queue_run SET progress = $4 WHERE ${anAttempt} RETURNING id`, [
      ...valuesOf(name),
      progress,
    ]);
    if (written.length > 0) await tellChanges(sql, [{ id: name.id, state: "running" }]);
  });
}

/** Whether an attempt is its worker's still; it stays so until the transaction ends. */
export async function isAttempt(sql: Sql, name: AttemptName): Promise<boolean> {
  const rows = await sql.query(`SELECT id FROM queue_run WHERE ${anAttempt} FOR SHARE`, valuesOf(name));
  return rows.length > 0;
}

async function lockedAttempt(sql: Sql, name: AttemptName): Promise<QueuedRun | undefined> {
  const [run] = await runsOf(sql, `SELECT * FROM queue_run WHERE ${anAttempt} FOR UPDATE`, valuesOf(name));
  return run;
}
