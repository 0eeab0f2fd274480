import type { Sql } from "../database/index.ts";
import type { QueuedRun, RunWaiting } from "./model.ts";
import { type Occupancy, readOccupancy } from "./occupancy.ts";
import { runsOf } from "./rows.ts";

/** What the answer depends on beside the run. */
interface Circumstances {
  readonly now: Date;
  readonly workers: number;
  readonly occupancy: Occupancy;
}

/** Why each of these runs does not run yet. */
export async function whyWaiting(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, RunWaiting>> {
  const runs = await runsOf(
    sql,
    "SELECT * FROM queue_run WHERE id = ANY ($1::bigint[]) AND state IN ('held', 'waiting')",
    [ids],
  );
  if (runs.length === 0) return new Map();
  const [workers] = await sql.query<{ now: Date; workers: number }>(
    "SELECT clock_timestamp() AS now, count(*)::int AS workers FROM queue_worker WHERE lease_until > clock_timestamp()",
  );
  const circumstances = { now: new Date(), workers: 0, ...workers, occupancy: await readOccupancy(sql) };
  const ahead = await sql.query<{ id: string; ahead: number }>(
    `SELECT id, ahead FROM (
      SELECT id, (row_number() OVER (ORDER BY rank, id) - 1)::int AS ahead FROM queue_run WHERE state = 'waiting'
    ) AS queue WHERE id = ANY ($1::bigint[])`,
    [ids],
  );
  const aheadOf = new Map(ahead.map((row) => [row.id, row.ahead]));
  return new Map(runs.map((run) => [run.id, reasonOf(run, circumstances, aheadOf.get(run.id) ?? 0)]));
}

/** The first thing that has to change. */
export function reasonOf(
  run: QueuedRun,
  { now, workers, occupancy }: Circumstances,
  ahead: number,
): RunWaiting {
  if (run.state === "held") return { for: "release", why: run.held ?? "" };
  if (run.notBefore !== undefined && run.notBefore > now) return { for: "time", until: run.notBefore };
  if (workers === 0) return { for: "worker" };
  const obstacle = occupancy.obstacleOf(run);
  if (obstacle === undefined) return { for: "turn", ahead };
  const { kind, name, places: limit } = obstacle;
  const holders = occupancy.runsIn(obstacle);
  const [holder = ""] = holders;
  if (kind === "key") return { for: "key", run: holder };
  if (kind === "mutex") return { for: "mutex", mutex: name, run: holder };
  if (kind === "job") return { for: "concurrency", running: holders.length, limit };
  return { for: "capacity", capacity: name, running: holders.length, limit };
}
