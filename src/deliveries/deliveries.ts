import { randomUUID } from "node:crypto";
import { type Database, jsonText, type Sql } from "../database/index.ts";
import { harmless, messageOf } from "../errors/index.ts";
import { type Delivery, type DeliveryOutcome, isHint, replayDecision } from "../webhooks/index.ts";

/** Told once a delivery is there to be processed. */
export const deliveryChannel = "waybill_delivery";

/** A delivery as it is kept. */
export interface StoredDelivery extends Delivery {
  /** Digits: in the order of arrival. */
  readonly number: string;
  readonly id: string;
  readonly outcome: DeliveryOutcome;
  /** How often it was delivered. */
  readonly arrivals: number;
  /** How often processing it was begun and failed. */
  readonly attempts: number;
  /** Why it failed the last time. */
  readonly failure: string | undefined;
  readonly receivedAt: Date;
}

interface Row {
  readonly number: string;
  readonly source: string;
  readonly id: string;
  readonly sender: Delivery["sender"];
  readonly event: string;
  readonly content: Pick<Delivery, "repositoryUrls" | "refs" | "pull" | "comment" | "registry">;
  readonly outcome: DeliveryOutcome;
  readonly arrivals: number;
  readonly attempts: number;
  readonly failure: string | null;
  readonly received_at: Date;
}

/** Attempts before a delivery has failed for good; polling finds what it was about. */
const maxAttempts = 6;
/** Milliseconds before the second attempt, doubled for each further one. */
const firstWait = 5_000;
const maxFailure = 500;

/** What keeping a delivery came to: `again` for one that failed before; `known` for a replay, which changes nothing. */
export type KeptDelivery = "new" | "again" | "known";

/** A delivery that has arrived. */
export interface ArrivedDelivery {
  readonly delivery: Delivery;
  readonly at: Date;
}

/**
 * Keeps a delivery that was verified, before its sender is answered. What comes again under the same name is kept once, and
 * processed again where that failed.
 * @throws {DatabaseError}: then the sender is answered with a failure.
 */
export async function acceptDelivery(
  db: Pick<Database, "transaction">,
  delivery: Delivery,
  now = new Date(),
): Promise<KeptDelivery> {
  const [kept = "known"] = await db.transaction((sql) => keepDeliveries(sql, [{ delivery, at: now }]));
  return kept;
}

/** Keeps deliveries within a transaction of the caller's: as many as there are in one statement. */
export async function keepDeliveries(sql: Sql, arrived: readonly ArrivedDelivery[]): Promise<KeptDelivery[]> {
  const rows = arrived.map(({ delivery, at }) => {
    const { source, sender, id = randomUUID(), event, ...content } = delivery;
    const outcome: DeliveryOutcome = isHint(delivery) ? "waiting" : "done";
    return { source, id, sender, event, content, outcome, at };
  });
  const stored = await sql.query<Pick<Row, "source" | "id">>(
    `INSERT INTO delivery (source, id, sender, event, content, outcome, received_at, due_at)
     SELECT source, id, sender, event, content, outcome, at, at
     FROM jsonb_to_recordset($1::jsonb)
       AS arrived (source text, id text, sender text, event text, content jsonb, outcome text, at timestamptz)
     ON CONFLICT (source, id) DO NOTHING RETURNING source, id`,
    [jsonText(rows)],
  );
  const fresh = new Set(stored.map(nameOf));
  const kept: KeptDelivery[] = [];
  let isToProcess = false;
  for (const row of rows) {
    // Of two with one name, the second is a replay.
    const outcome = fresh.delete(nameOf(row)) ? "new" : await keepReplay(sql, row);
    if (outcome !== "known" && row.outcome === "waiting") isToProcess = true;
    kept.push(outcome);
  }
  if (isToProcess) await announce(sql);
  return kept;
}

/** As the database has it. */
function nameOf({ source, id }: Pick<Row, "source" | "id">): string {
  return jsonText([source, id]);
}

async function keepReplay(
  sql: Sql,
  {
    source,
    id,
    outcome,
    content,
    at,
  }: Pick<Row, "source" | "id" | "outcome" | "content"> & { readonly at: Date },
): Promise<"again" | "known"> {
  const [known] = await sql.query<Pick<Row, "outcome">>(
    "UPDATE delivery SET arrivals = arrivals + 1 WHERE source = $1 AND id = $2 RETURNING outcome",
    [source, id],
  );
  if (replayDecision(known?.outcome) !== "process-again") return "known";
  await sql.query(
    `UPDATE delivery SET outcome = $3, content = $4, attempts = 0, failure = NULL, due_at = $5
     WHERE source = $1 AND id = $2`,
    [source, id, outcome, content, at],
  );
  return "again";
}

async function announce(sql: Sql): Promise<void> {
  await sql.query("SELECT pg_notify($1, '')", [deliveryChannel]);
}

/** Deliveries of one transaction: an embedded database makes some hundred transactions in a second. */
const batch = 50;

/**
 * Hands the deliveries that are due to `handle`, the oldest first, many in a transaction: what it writes counts together with the
 * outcome. Where one of them fails, each has a transaction of its own; that one waits for its next attempt, and is left after some.
 * Several processes may do it at the same time.
 * @param handle Marks what is to be looked at; it may be called more than once, and asks nobody but the database.
 * @returns How many were handled, well or not.
 */
export async function processDeliveries(
  db: Database,
  handle: (sql: Sql, deliveries: readonly Delivery[]) => Promise<void>,
  now = new Date(),
): Promise<number> {
  let handled = 0;
  /** How many more are taken one by one, because one of them has failed. */
  let alone = 0;
  for (;;) {
    const limit = alone > 0 ? 1 : batch;
    let taken: readonly Row[] = [];
    try {
      await db.transaction(async (sql) => {
        taken = await sql.query<Row>(
          `SELECT * FROM delivery WHERE outcome = 'waiting' AND due_at <= $1
           ORDER BY due_at, number LIMIT $2 FOR UPDATE SKIP LOCKED`,
          [now, limit],
        );
        if (taken.length === 0) return;
        await handle(sql, taken.map(deliveryOf));
        await sql.query("UPDATE delivery SET outcome = 'done', failure = NULL WHERE number = ANY($1)", [
          taken.map(({ number }) => number),
        ]);
      });
    } catch (error) {
      const [only, ...others] = taken;
      if (only === undefined) throw error;
      if (others.length > 0) {
        alone = taken.length;
        continue;
      }
      await recordFailure(db, only, error, now);
    }
    if (taken.length === 0) return handled;
    handled += taken.length;
    alone = Math.max(0, alone - 1);
  }
}

async function recordFailure(sql: Sql, { number, attempts }: Row, error: unknown, now: Date): Promise<void> {
  const isLast = attempts + 1 >= maxAttempts;
  await sql.query(
    `UPDATE delivery SET attempts = attempts + 1, failure = $2, outcome = $3, due_at = $4
     WHERE number = $1 AND outcome = 'waiting'`,
    [
      number,
      harmless(messageOf(error)).slice(0, maxFailure),
      isLast ? "failed" : "waiting",
      new Date(now.getTime() + firstWait * 2 ** attempts),
    ],
  );
}

/** Which deliveries are listed. */
export interface DeliveryQuery {
  readonly source?: string | undefined;
  readonly event?: string | undefined;
  readonly outcome?: DeliveryOutcome | undefined;
  /** URL of a repository that it is about, as its sender writes it. */
  readonly repo?: string | undefined;
  /** The number of the last one that was seen. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** The newest deliveries first. */
export async function listDeliveries(
  sql: Sql,
  { source, event, outcome, repo, before, limit }: DeliveryQuery,
): Promise<readonly StoredDelivery[]> {
  const rows = await sql.query<Row>(
    `SELECT * FROM delivery WHERE ($1::bigint IS NULL OR number < $1::bigint) AND ($3::text IS NULL OR source = $3)
       AND ($4::text IS NULL OR event = $4) AND ($5::text IS NULL OR outcome = $5)
       AND ($6::text IS NULL OR content -> 'repositoryUrls' ? $6)
     ORDER BY number DESC LIMIT $2`,
    [before, limit, source, event, outcome, repo],
  );
  return rows.map(storedOf);
}

/**
 * Has a delivery processed once more, as if it had just come: what it is about is looked at again.
 * @returns `undefined` when there is none of that number.
 */
export async function repeatDelivery(
  sql: Sql,
  number: string,
  now: Date,
): Promise<StoredDelivery | undefined> {
  const [row] = await sql.query<Row>(
    `UPDATE delivery SET outcome = 'waiting', attempts = 0, failure = NULL, due_at = $2 WHERE number = $1 RETURNING *`,
    [number, now],
  );
  if (row === undefined) return undefined;
  await announce(sql);
  return storedOf(row);
}

function storedOf(row: Row): StoredDelivery {
  return {
    ...deliveryOf(row),
    ...{ number: row.number, id: row.id, outcome: row.outcome, arrivals: row.arrivals },
    ...{ attempts: row.attempts, failure: row.failure ?? undefined, receivedAt: row.received_at },
  };
}

/** Forgets deliveries that have ended and came before a time; from then on their names are new ones. */
export async function forgetDeliveries(sql: Sql, before: Date): Promise<void> {
  await sql.query("DELETE FROM delivery WHERE outcome <> 'waiting' AND received_at < $1", [before]);
}

function deliveryOf({ source, id, sender, event, content }: Row): Delivery {
  const { repositoryUrls, refs, pull, comment, registry } = content;
  return { source, id, sender, event, repositoryUrls, refs, pull, comment, registry };
}
