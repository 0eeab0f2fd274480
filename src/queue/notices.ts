import type { Database, Sql } from "../database/index.ts";
import type { QueuedRun, RunChange, RunState } from "./model.ts";

const channel = "waybill_run";
const states: Readonly<Record<string, RunState>> = {
  held: "held",
  waiting: "waiting",
  running: "running",
  ended: "ended",
};
const stop = "stop";

/** Tells all processes, when the transaction is committed, that these runs have changed. */
export async function tellChanges(sql: Sql, runs: readonly Pick<QueuedRun, "id" | "state">[]): Promise<void> {
  if (runs.length === 0) return;
  const words = runs.map(({ id, state }) => `${state} ${id}`);
  await sql.query("SELECT pg_notify($1, word) FROM unnest($2::text[]) AS word", [channel, words]);
}

/** Tells the worker that a run is to be stopped. */
export async function tellStop(sql: Sql, id: string): Promise<void> {
  await sql.query("SELECT pg_notify($1, $2)", [channel, `${stop} ${id}`]);
}

/** Tells of each change, `undefined` when some may have been missed, and of each run that is to be stopped. */
export function listenToQueue(
  db: Database,
  onChange: (change: RunChange | undefined) => void,
  onStop?: (id: string) => void,
): Promise<() => Promise<void>> {
  return db.listen(
    channel,
    (payload) => {
      const [word = "", id = ""] = payload.split(" ");
      const state = states[word];
      if (state !== undefined) onChange({ id, state });
      else if (word === stop) onStop?.(id);
    },
    () => onChange(undefined),
  );
}
