import type { Database } from "../database/index.ts";
import { leaseTiming } from "./lease.ts";
import { aloneAtOnce } from "./locks.ts";
import type { WorkerOptions } from "./model.ts";
import { runsOf } from "./rows.ts";
import type { Settling } from "./settle.ts";
import { Wake } from "./wake.ts";
import { thisProcess } from "./worker-name.ts";

const lease = `make_interval(secs => ${leaseTiming.whole / 1000})`;

/** Takes up the runs of workers that are gone, again and again, until the signal is aborted. */
export async function supervise(
  db: Database,
  settling: Settling,
  { signal, onProblem }: Pick<WorkerOptions, "signal" | "onProblem">,
): Promise<void> {
  const pause = new Wake();
  const stop = () => pause.wake();
  signal.addEventListener("abort", stop);
  while (!signal.aborted) {
    await superviseOnce(db, settling, onProblem).catch((error: unknown) => onProblem?.(error));
    await pause.wait(leaseTiming.renewal);
  }
  signal.removeEventListener("abort", stop);
}

/** One look for workers that are gone, and the take-over of their runs. */
export async function superviseOnce(
  db: Database,
  settling: Settling,
  onProblem: WorkerOptions["onProblem"],
): Promise<void> {
  await endLeases(db);
  const orphans = "state = 'running' AND NOT EXISTS (SELECT FROM queue_worker WHERE name = queue_run.worker)";
  const found = await db.query<{ id: string }>(`SELECT id FROM queue_run WHERE ${orphans}`);
  for (const { id } of found) {
    // Each by itself: one that cannot be taken up keeps no other one waiting.
    const takeUp = db.transaction(async (sql) => {
      const [run] = await runsOf(
        sql,
        `SELECT * FROM queue_run WHERE id = $1 AND ${orphans} FOR UPDATE SKIP LOCKED`,
        [id],
      );
      if (run !== undefined) await settling.takeUp(sql, run);
    });
    await takeUp.catch((error: unknown) => onProblem?.(error));
  }
}

/**
 * Deletes the leases that have run out. When nobody has looked for a while, the database was away, or its clock was set: whoever
 * runs then could not renew its lease, so all begin anew, and nobody is taken over who comes back in time.
 */
async function endLeases(db: Database): Promise<void> {
  await db.transaction(async (sql) => {
    if (!(await aloneAtOnce(db, sql, "supervision"))) return;
    // The embedded database is one process's: what another one has left is that of one that has ended.
    if (db.kind === "pglite") {
      await sql.query("DELETE FROM queue_worker WHERE position($1 IN name) = 0", [thisProcess]);
    }
    const [last] = await sql.query<{ gap: number }>(
      "SELECT extract(epoch FROM clock_timestamp() - last_pass)::float8 * 1000 AS gap FROM queue_supervision",
    );
    await sql.query(
      `INSERT INTO queue_supervision (last_pass) VALUES (clock_timestamp())
      ON CONFLICT (one) DO UPDATE SET last_pass = excluded.last_pass`,
    );
    if (last !== undefined && (last.gap < 0 || last.gap > leaseTiming.gap)) {
      await sql.query(`UPDATE queue_worker SET lease_until = clock_timestamp() + ${lease}`);
    } else {
      await sql.query("DELETE FROM queue_worker WHERE lease_until <= clock_timestamp()");
    }
  });
}
