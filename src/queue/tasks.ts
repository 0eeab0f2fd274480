import type PgBoss from "pg-boss";
import type { Database, Sql } from "../database/index.ts";
import { messageOf } from "../errors/index.ts";
import { listenWhenPossible } from "./listening.ts";
import { Wake } from "./wake.ts";

/** Something to be done soon that is not a run, and again until it is done: a status to post, a notice to send. */
export interface TaskKind {
  /** Letters, digits, `-`, `_` and `.`. */
  readonly name: string;
  /** It is given up after so many. The pause before the next one doubles each time. */
  readonly attempts: number;
  /** The pause after the first attempt that fails. */
  readonly retrySeconds: number;
  /** After so many seconds an attempt counts as failed: its signal is aborted, and another process may make the next one. */
  readonly attemptSeconds: number;
}

/** An attempt to do a task. */
export interface TaskAttempt {
  /** As it was given to {@link Tasks.send}, from JSON. */
  readonly data: unknown;
  /** Counts from 1. */
  readonly attempt: number;
  readonly signal: AbortSignal;
}

/** How tasks of a kind are done. */
export interface TaskWorkerOptions {
  /** What it throws is a failed attempt. A task may be done twice, when a process dies after it. */
  readonly carryOut: (attempt: TaskAttempt) => Promise<void>;
  /** Tasks at the same time. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Told of each attempt that fails; `isLast` when the task is given up. */
  readonly onFailure?: ((error: unknown, data: unknown, isLast: boolean) => void) | undefined;
}

/** Tasks that outlive processes. pg-boss keeps them, hands them over, and counts attempts. */
export interface Tasks {
  /**
   * Adds a task, within the caller's transaction: it is there when that is committed, and is begun at once by whoever is free.
   * @param notBefore It does not begin before.
   */
  send(sql: Sql, kind: string, data: object, notBefore?: Date): Promise<void>;
  /** Does tasks of a kind until the signal is aborted and the last one is over. */
  work(kind: string, options: TaskWorkerOptions): Promise<void>;
  /** Tasks that are not done yet, by their kinds. */
  counts(): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

const channel = "waybill_task";
/** Milliseconds from one look for tasks that are due to the next, beside notices. */
const pollInterval = 2_000;
const hour = 3_600;

/**
 * Opens the tasks that a database has. pg-boss keeps tables of its own, in the schema `pgboss`, and brings them up to date.
 * @param onProblem Told of what goes wrong in pg-boss itself.
 */
export async function openTasks(
  db: Database,
  kinds: readonly TaskKind[],
  onProblem?: (error: unknown) => void,
): Promise<Tasks> {
  const { default: Boss } = await import("pg-boss");
  const boss = new Boss({
    db: wireOf(db),
    // Its clock has no answer for what was due while nobody ran: the triggers keep theirs.
    schedule: false,
    maintenanceIntervalSeconds: 30,
    archiveCompletedAfterSeconds: hour,
    archiveFailedAfterSeconds: 7 * 24 * hour,
    deleteAfterSeconds: 24 * hour,
  });
  boss.on("error", (error) => onProblem?.(error));
  await boss.start();
  for (const { name } of kinds) await boss.createQueue(name);
  return {
    send: (sql, kind, data, notBefore) => send(boss, sql, kindNamed(kinds, kind), data, notBefore),
    work: (kind, options) => work(db, boss, kindNamed(kinds, kind), options, onProblem),
    async counts() {
      const sizes = kinds.map(async ({ name }) => [name, await boss.getQueueSize(name)] as const);
      return new Map(await Promise.all(sizes));
    },
    close: () => boss.stop({ graceful: false }),
  };
}

function kindNamed(kinds: readonly TaskKind[], name: string): TaskKind {
  const kind = kinds.find((known) => known.name === name);
  if (kind === undefined) throw new TypeError(`no tasks are of the kind ${name}`);
  return kind;
}

/** How pg-boss reaches a database, or a transaction. Its scripts are transactions of their own, and have no values. */
function wireOf(sql: Sql): PgBoss.Db {
  return {
    async executeSql(text, values) {
      if (values === undefined && /^\s*BEGIN;/.test(text)) {
        await sql.script(text);
        return { rows: [] };
      }
      return { rows: [...(await sql.query(text, values ?? []))] };
    },
  };
}

async function send(
  boss: PgBoss,
  sql: Sql,
  { name, attempts, retrySeconds, attemptSeconds }: TaskKind,
  data: object,
  notBefore?: Date,
): Promise<void> {
  await boss.send(name, data, {
    db: wireOf(sql),
    retryLimit: attempts - 1,
    retryDelay: retrySeconds,
    retryBackoff: true,
    expireInSeconds: attemptSeconds,
    retentionDays: 365,
    ...(notBefore === undefined ? {} : { startAfter: notBefore }),
  });
  await sql.query("SELECT pg_notify($1, $2)", [channel, name]);
}

/**
 * The loop of pg-boss itself polls every half second at best, and ends the process when it cannot write an end down: here it is
 * asked for tasks when a notice comes, and each of its answers is waited for.
 */
async function work(
  db: Database,
  boss: PgBoss,
  kind: TaskKind,
  options: TaskWorkerOptions,
  onProblem: ((error: unknown) => void) | undefined,
): Promise<void> {
  const { concurrency, signal } = options;
  const due = new Wake();
  const look = () => due.wake();
  const onNotice = (name: string) => {
    if (name === kind.name) look();
  };
  const stopListening = listenWhenPossible(() => db.listen(channel, onNotice, look), onProblem);
  signal.addEventListener("abort", look);
  const underWay = new Set<Promise<void>>();
  while (!signal.aborted) {
    const seats = concurrency - underWay.size;
    const jobs =
      seats > 0 ? await boss.fetch<object>(kind.name, { batchSize: seats, includeMetadata: true }) : [];
    for (const job of jobs) {
      const attempt = attemptTask(boss, kind, job, options).finally(() => {
        underWay.delete(attempt);
        look();
      });
      underWay.add(attempt);
    }
    if (jobs.length === 0) await due.wait(pollInterval);
  }
  signal.removeEventListener("abort", look);
  await Promise.all(underWay);
  await stopListening();
}

async function attemptTask(
  boss: PgBoss,
  { name, attemptSeconds }: TaskKind,
  { id, data, retryCount, retryLimit }: PgBoss.JobWithMetadata,
  { carryOut, signal, onFailure }: TaskWorkerOptions,
): Promise<void> {
  try {
    const late = AbortSignal.timeout(attemptSeconds * 1000);
    await carryOut({ data, attempt: retryCount + 1, signal: AbortSignal.any([signal, late]) });
    await boss.complete(name, id);
  } catch (error) {
    onFailure?.(error, data, retryCount >= retryLimit);
    // When this cannot be written down either, the attempt is over as soon as its time is.
    const failing = boss.fail(name, id, { message: messageOf(error) });
    await failing.catch((again: unknown) => onFailure?.(again, data, false));
  }
}
