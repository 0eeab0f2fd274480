import { type Database, jsonText, type Sql } from "../database/index.ts";
import type { Notification, Telling, ToldJob } from "./model.ts";

/** Milliseconds that a first notification waits for others of the same cause. */
const groupWait = 30_000;
/** Milliseconds after which the next of the same cause goes out. */
const groupInterval = 5 * 60_000;
/** Jobs of one notification. */
const maxJobs = 500;
/** Milliseconds that one who sends has; then another one does. */
const claimHolds = 120_000;

/** What is to be sent to whom. */
export interface OutboxEntry extends Notification {
  readonly number: string;
  readonly receiver: string;
  /** Attempts that failed. */
  readonly attempts: number;
}

interface Row {
  readonly number: string;
  readonly id: string;
  readonly receiver: string;
  readonly telling: Telling;
  readonly cause: string;
  readonly jobs: readonly ToldJob[];
  readonly made_at: Date;
  readonly attempts: number;
}

/** Adds a job to what a receiver is told next of its cause, or begins with it. Within the transaction in which the job's state changes. */
export async function enqueue(
  sql: Sql,
  { receiver, telling, cause }: Pick<OutboxEntry, "receiver" | "telling" | "cause">,
  job: ToldJob,
  now: Date,
): Promise<void> {
  const [last] = await sql.query<Row & { readonly state: string; readonly claimed_until: Date | null }>(
    `SELECT * FROM notification WHERE receiver = $1 AND telling = $2 AND cause = $3 ORDER BY number DESC LIMIT 1 FOR UPDATE`,
    [receiver, telling, cause],
  );
  const isOpen = last?.state === "waiting" && last.attempts === 0 && last.claimed_until === null;
  if (last !== undefined && isOpen && last.jobs.length < maxJobs) {
    if (last.jobs.some(({ run }) => run === job.run)) return;
    await sql.query("UPDATE notification SET jobs = jobs || $2::jsonb WHERE number = $1", [
      last.number,
      jsonText([job]),
    ]);
    return;
  }
  const sooner = now.getTime() + groupWait;
  const later = last === undefined ? 0 : last.made_at.getTime() + groupInterval;
  await sql.query(
    `INSERT INTO notification (receiver, telling, cause, jobs, made_at, due_at) VALUES ($1, $2, $3, $4::jsonb, $5, $6)`,
    [receiver, telling, cause, jsonText([job]), now, new Date(Math.max(sooner, later))],
  );
}

/** Takes the next notification that is due, for as long as sending it may take. */
export async function takeDue(db: Pick<Database, "query">, now: Date): Promise<OutboxEntry | undefined> {
  const [row] = await db.query<Row>(
    `UPDATE notification SET claimed_until = $2 WHERE number = (
       SELECT number FROM notification
       WHERE state = 'waiting' AND due_at <= $1 AND (claimed_until IS NULL OR claimed_until <= $1)
       ORDER BY due_at, number LIMIT 1 FOR UPDATE SKIP LOCKED
     ) RETURNING *`,
    [now, new Date(now.getTime() + claimHolds)],
  );
  if (row === undefined) return undefined;
  const { made_at: madeAt, ...rest } = row;
  return { ...rest, at: madeAt.toISOString() };
}

/** What became of an attempt to send. */
export type Sent =
  | { readonly state: "sent" }
  /** Not now. @param after milliseconds that the receiver has asked for. */
  | { readonly state: "again"; readonly failure: string; readonly after?: number | undefined }
  /** Not this one. */
  | { readonly state: "failed"; readonly failure: string }
  /** Nothing any more: the receiver is gone. */
  | { readonly state: "gone"; readonly failure: string };

/** Milliseconds between attempts, about three days in all (Standard Webhooks, "Deliverability and reliability"). */
const minute = 60_000;
const hour = 60 * minute;
const schedule = [
  5_000,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];

/** Writes down what became of an attempt, and when the next one is. */
export async function settle(
  sql: Sql,
  { number, attempts }: OutboxEntry,
  sent: Sent,
  now: Date,
): Promise<void> {
  const wait = schedule[attempts];
  const goesOn = sent.state === "again" && wait !== undefined;
  const state = sent.state === "sent" ? "sent" : goesOn ? "waiting" : "failed";
  const after = sent.state === "again" ? Math.max(wait ?? 0, Math.min(sent.after ?? 0, 24 * hour)) : 0;
  await sql.query(
    `UPDATE notification SET state = $2, attempts = attempts + $3, failure = $4, due_at = $5, claimed_until = NULL,
       ended_at = CASE WHEN $2 = 'waiting' THEN NULL ELSE $6::timestamptz END
     WHERE number = $1 AND state = 'waiting'`,
    [
      ...[
        number,
        state,
        sent.state === "sent" ? 0 : 1,
        "failure" in sent ? sent.failure.slice(0, 500) : null,
      ],
      ...[new Date(now.getTime() + after), now],
    ],
  );
}

/** A notification as lists show it. */
export interface ListedNotification extends Notification {
  readonly number: string;
  readonly receiver: string;
  readonly state: "waiting" | "sent" | "failed";
  readonly attempts: number;
  readonly failure: string | undefined;
  readonly dueAt: Date;
}

/** Which notifications are listed. */
export interface NotificationQuery {
  readonly receiver?: string | undefined;
  readonly telling?: Telling | undefined;
  readonly state?: ListedNotification["state"] | undefined;
  readonly job?: string | undefined;
  /** The number of the last one that was seen. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** The newest notifications first. */
export async function listNotifications(
  sql: Sql,
  { receiver, telling, state: wanted, job, before, limit }: NotificationQuery,
): Promise<readonly ListedNotification[]> {
  const rows = await sql.query<
    Row & {
      readonly state: ListedNotification["state"];
      readonly failure: string | null;
      readonly due_at: Date;
    }
  >(
    `SELECT * FROM notification WHERE ($1::bigint IS NULL OR number < $1::bigint) AND ($3::text IS NULL OR receiver = $3)
       AND ($4::text IS NULL OR telling = $4) AND ($5::text IS NULL OR state = $5)
       AND ($6::jsonb IS NULL OR jobs @> $6::jsonb)
     ORDER BY number DESC LIMIT $2`,
    [before, limit, receiver, telling, wanted, job === undefined ? undefined : jsonText([{ job }])],
  );
  return rows.map(
    ({ number, id, receiver: to, telling: told, cause, jobs, made_at: at, state, attempts, ...row }) => ({
      ...{ number, id, receiver: to, telling: told, cause, jobs, at: at.toISOString(), state, attempts },
      ...{ failure: row.failure ?? undefined, dueAt: row.due_at },
    }),
  );
}

/** Forgets what was sent, or could not be, before a time. */
export async function forgetNotifications(sql: Sql, before: Date): Promise<void> {
  await sql.query("DELETE FROM notification WHERE state <> 'waiting' AND ended_at < $1", [before]);
}
