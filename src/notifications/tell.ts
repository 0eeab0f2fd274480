import * as z from "zod/mini";
import type { Database, Sql } from "../database/index.ts";
import type { Queue, QueuedRun } from "../queue/index.ts";
import { causeOf, type Health, nextHealth, type Seen } from "./health.ts";
import type { EndedRun, JobWishes, NotificationSettings, Telling } from "./model.ts";
import { enqueue } from "./outbox.ts";
import { type AppliedRule, rulesFor } from "./rules.ts";

/** Runs in a row of which those are told that are held. */
const maxHeld = 500;
/** Whoever tells is alone: the order in which a job's runs have ended matters. */
const lock = "SELECT pg_advisory_xact_lock(5120947713366201)";

const texts = z.union([
  z.array(z.string()),
  z.pipe(
    z.string(),
    z.transform((one) => [one]),
  ),
]);
/** What the queue's input says of the job; what is not there, or not so, is no wish. */
const inputSchema = z.object({
  job: z.object({
    contact: z.optional(texts),
    notify: z.optional(z.object({ failures: z.optional(z.coerce.number()), to: z.optional(texts) })),
  }),
});

function wishesOf({ job, input }: Pick<QueuedRun, "job" | "input">): JobWishes {
  const parsed = inputSchema.safeParse(input);
  const { contact = [], notify } = parsed.success ? parsed.data.job : {};
  const failures = notify?.failures;
  return {
    ...{ job, contact, to: notify?.to ?? [] },
    failures: failures !== undefined && Number.isInteger(failures) && failures > 0 ? failures : undefined,
  };
}

/**
 * Remembers a run that has ended, in the transaction in which it ends: `onEnd` of the queue. What becomes of it is decided by
 * {@link tellChanges}. Of runs of pull requests their forge tells; of those in shadow and of those that somebody has stopped nobody is told.
 */
export async function noteRunEnd(sql: Sql, run: QueuedRun): Promise<void> {
  if (run.pull !== undefined || run.shadow === true || run.result === undefined || run.result === "ABORTED")
    return;
  const ended: EndedRun = {
    ...wishesOf(run),
    ...{ run: run.id, result: run.result, summary: run.details?.summary ?? "" },
    at: (run.endedAt ?? new Date()).toISOString(),
  };
  await sql.query("INSERT INTO notification_end (content) VALUES ($1)", [ended]);
}

/**
 * Decides what is told: by runs that have ended, by the time that has passed, and by runs that wait for a person. Each change of a job's
 * state and what is told of it are one transaction, so that everything is told once. Several processes may do it.
 * @param queue Where held runs are found.
 */
export async function tellChanges(
  db: Database,
  queue: Pick<Queue, "list">,
  settings: NotificationSettings,
  now: Date,
): Promise<void> {
  while (await tellNextEnd(db, settings, now));
  await tellTime(db, settings, now);
  await tellHeld(db, queue, settings, now);
}

/** @returns Whether there was one. */
async function tellNextEnd(db: Database, settings: NotificationSettings, now: Date): Promise<boolean> {
  return db.transaction(async (sql) => {
    await sql.query(lock);
    const [row] = await sql.query<{ readonly number: string; readonly content: EndedRun }>(
      "DELETE FROM notification_end WHERE number = (SELECT min(number) FROM notification_end) RETURNING *",
    );
    if (row === undefined) return false;
    const { run, result, summary, at, ...wishes } = row.content;
    const time = Date.parse(at);
    const seen: Seen =
      result === "SUCCESS"
        ? { what: "succeeded", at: time }
        : { what: "failed", run, cause: causeOf(summary, wishes.job), at: time };
    for (const rule of rulesFor(settings, wishes)) {
      await advance(sql, rule, wishes, seen, { run, summary }, now);
    }
    return true;
  });
}

interface HealthRow {
  readonly rule: string;
  readonly job: string;
  readonly health: Health;
  readonly wishes: JobWishes;
}

async function tellTime(db: Database, settings: NotificationSettings, now: Date): Promise<void> {
  await db.transaction(async (sql) => {
    await sql.query(lock);
    const rows = await sql.query<HealthRow>(
      "SELECT rule, job, health, wishes FROM notification_health WHERE health ->> 'at' = 'told' ORDER BY rule, job",
    );
    for (const { rule: name, health, wishes } of rows) {
      const rule = rulesFor(settings, wishes).find((one) => one.name === name);
      if (rule === undefined || health.at !== "told") continue;
      const seen: Seen = { what: "time", at: now.getTime() };
      await advance(sql, rule, wishes, seen, { run: health.run, summary: "" }, now);
    }
  });
}

async function advance(
  sql: Sql,
  rule: AppliedRule,
  wishes: JobWishes,
  seen: Seen,
  { run, summary }: Pick<EndedRun, "run" | "summary">,
  now: Date,
): Promise<void> {
  const { job } = wishes;
  const [known] = await sql.query<Pick<HealthRow, "health">>(
    "SELECT health FROM notification_health WHERE rule = $1 AND job = $2",
    [rule.name, job],
  );
  const before: Health = known?.health ?? { at: "ok" };
  const { health, tell } = nextHealth(before, seen, rule.policy);
  if (health === before && tell === undefined) return;
  await sql.query(
    `INSERT INTO notification_health (rule, job, health, wishes) VALUES ($1, $2, $3, $4)
     ON CONFLICT (rule, job) DO UPDATE SET health = excluded.health, wishes = excluded.wishes`,
    [rule.name, job, health, wishes],
  );
  if (tell === undefined || !rule.when.includes(tell)) return;
  const told = health.at === "told" ? health : before.at === "told" ? before : undefined;
  if (told === undefined) return;
  const since = new Date(told.since).toISOString();
  await enqueueFor(sql, rule, tell, told.cause, { job, run, summary, since, failures: told.failures }, now);
}

async function enqueueFor(
  sql: Sql,
  { to }: AppliedRule,
  telling: Telling,
  cause: string,
  job: Parameters<typeof enqueue>[2],
  now: Date,
): Promise<void> {
  for (const receiver of new Set(to)) await enqueue(sql, { receiver, telling, cause }, job, now);
}

async function tellHeld(
  db: Database,
  queue: Pick<Queue, "list">,
  settings: NotificationSettings,
  now: Date,
): Promise<void> {
  const { runs } = await queue.list({ state: "held", limit: maxHeld });
  await db.transaction(async (sql) => {
    await sql.query(lock);
    await sql.query("DELETE FROM notification_held WHERE NOT (run = ANY ($1::bigint[]))", [
      runs.map(({ id }) => id),
    ]);
    for (const run of runs.filter(({ pull, shadow }) => pull === undefined && shadow !== true)) {
      for (const rule of rulesFor(settings, wishesOf(run)).filter(({ when }) => when.includes("waiting"))) {
        const added = await sql.query(
          "INSERT INTO notification_held (run, rule) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING run",
          [run.id, rule.name],
        );
        if (added.length === 0) continue;
        const summary = run.held ?? "";
        const told = { job: run.job, run: run.id, summary, since: run.askedAt.toISOString(), failures: 0 };
        await enqueueFor(sql, rule, "waiting", causeOf(summary, run.job), told, now);
      }
    }
  });
}
