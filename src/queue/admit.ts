import type { Database, Sql } from "../database/index.ts";
import { alone } from "./locks.ts";
import type { QueuedRun } from "./model.ts";
import { tellChanges } from "./notices.ts";
import { type Needs, type Occupancy, readOccupancy, type Slot } from "./occupancy.ts";
import { runsOf } from "./rows.ts";

/** Candidates that are looked at beyond the seats there are: some of them exclude each other. */
const spare = 16;

/** Seconds of its rank after which what a run needs is kept for it. */
const overdue = 600;
/** Runs that something is kept for. */
const maxKept = 16;

interface Candidate {
  readonly id: string;
  readonly rank: number;
  readonly job: string;
  readonly key: string;
  readonly mutex: string | null;
  readonly max_concurrency: number | null;
  readonly capacity: string | null;
}

/**
 * Gives a worker the next runs, in one transaction, and one such at a time: in the order of their rank, each that no limit keeps
 * waiting. Their places are taken, their attempts counted, and their worker named when it is committed.
 * @param worker Whose lease has to be valid, or nothing is given.
 */
export function admit(db: Database, worker: string, seats: number): Promise<readonly QueuedRun[]> {
  return db.transaction(async (sql) => {
    await alone(db, sql, "admission");
    // Whoever finds the lease run out deletes it: not before this is committed.
    const lease = await sql.query(
      "SELECT name FROM queue_worker WHERE name = $1 AND lease_until > clock_timestamp() FOR KEY SHARE",
      [worker],
    );
    if (lease.length === 0) return [];
    const occupancy = await readOccupancy(sql);
    await keepForOverdue(sql, occupancy);
    const slots = await chosen(sql, seats, occupancy);
    if (slots.length === 0) return [];
    await sql.query(
      "INSERT INTO queue_slot (kind, name, place, run) SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[])",
      [
        slots.map(({ kind }) => kind),
        slots.map(({ name }) => name),
        slots.map(({ place }) => place),
        slots.map(({ run }) => run),
      ],
    );
    const runs = await runsOf(
      sql,
      `WITH taken AS (
        UPDATE queue_run SET state = 'running', attempt = attempt + 1, worker = $1, started_at = clock_timestamp(), held = NULL
        WHERE id = ANY($2::bigint[]) AND state = 'waiting' RETURNING *
      ), begun AS (
        INSERT INTO queue_attempt (run, attempt, worker, started_at) SELECT id, attempt, worker, started_at FROM taken
      )
      SELECT * FROM taken`,
      [worker, [...new Set(slots.map(({ run }) => run))]],
    );
    await tellChanges(sql, runs);
    return runs.toSorted((a, b) => a.askedAt.getTime() - b.askedAt.getTime());
  });
}

/**
 * A run that needs a mutex and a place of a label might never find both free at the same time: of what has waited for long, the
 * oldest keep what is free of them from those behind.
 */
async function keepForOverdue(sql: Sql, occupancy: Occupancy): Promise<void> {
  const waiting = await sql.query<Candidate>(
    `SELECT id, rank, job, key, mutex, max_concurrency, capacity FROM queue_run
    WHERE state = 'waiting' AND mutex IS NOT NULL AND capacity IS NOT NULL
      AND rank < extract(epoch FROM clock_timestamp()) - ${overdue}
      AND (not_before IS NULL OR not_before <= clock_timestamp())
    ORDER BY rank, id LIMIT ${maxKept}`,
  );
  for (const run of waiting.map(needsOf)) if (occupancy.obstacleOf(run) !== undefined) occupancy.keep(run);
}

function needsOf({ max_concurrency, mutex, capacity, ...run }: Candidate): Needs & { readonly id: string } {
  return {
    ...run,
    mutex: mutex ?? undefined,
    maxConcurrency: max_concurrency ?? undefined,
    capacity: capacity ?? undefined,
  };
}

/** The places of the runs that start now. */
async function chosen(sql: Sql, seats: number, occupancy: Occupancy): Promise<Slot[]> {
  const slots: Slot[] = [];
  let left = seats;
  let last: Candidate | undefined;
  while (left > 0) {
    const limit = left + spare;
    const candidates = await candidatesAfter(sql, last, limit, occupancy);
    for (const needs of candidates.map(needsOf)) {
      if (left === 0 || occupancy.obstacleOf(needs) !== undefined) continue;
      slots.push(...occupancy.take(needs));
      left -= 1;
    }
    if (candidates.length < limit) break;
    last = candidates.at(-1);
  }
  return slots;
}

/** Those that wait and that nothing which runs already keeps waiting. What somebody else is about to change is left out. */
function candidatesAfter(
  sql: Sql,
  last: Candidate | undefined,
  limit: number,
  occupancy: Occupancy,
): Promise<readonly Candidate[]> {
  const { mutexes, capacities, keys, jobs } = occupancy.full();
  return sql.query<Candidate>(
    `SELECT id, rank, job, key, mutex, max_concurrency, capacity FROM queue_run
    WHERE state = 'waiting' AND (rank, id) > ($1::float8, $2::bigint)
      AND (not_before IS NULL OR not_before <= clock_timestamp())
      AND (mutex IS NULL OR mutex <> ALL ($3::text[]))
      AND (capacity IS NULL OR capacity <> ALL ($4::text[]))
      AND job || ' ' || key <> ALL ($5::text[])
      AND (max_concurrency IS NULL OR coalesce(($6::jsonb ->> job)::int, 0) < max_concurrency)
    ORDER BY rank, id LIMIT $7 FOR UPDATE SKIP LOCKED`,
    [last?.rank ?? "-infinity", last?.id ?? "0", mutexes, capacities, keys, jobs, limit],
  );
}
