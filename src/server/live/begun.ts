import { setTimeout as sleep } from "node:timers/promises";
import type { Queue } from "../../queue/index.ts";
import { RunError } from "../../store/index.ts";
import type { ChangeHub } from "./changes.ts";

/** Milliseconds between two looks for the record of a run that a worker has taken. */
const recordEvery = 500;

/** What says when a run begins. */
export interface Beginnings {
  readonly queue: Pick<Queue, "read">;
  readonly hub: ChangeHub;
}

/**
 * Tells of a run once it has begun; nothing of one that ends without a record.
 * @param tell Throws `unknown-run` while there is no record, before anything is told.
 */
export async function whenBegun(
  { queue, hub }: Beginnings,
  id: string,
  signal: AbortSignal,
  tell: () => Promise<void>,
): Promise<void> {
  for (let isOver = false; !signal.aborted; ) {
    try {
      return await tell();
    } catch (error) {
      const hasNoRecord = error instanceof RunError && error.code === "unknown-run";
      if (!hasNoRecord) throw error;
    }
    if (isOver) return;
    const { state } = await queue.read(id);
    isOver = state === "ended";
    if (state === "running") await sleep(recordEvery);
    else if (!isOver) await untilTaken({ queue, hub }, id, signal);
  }
}

/** Waits until a run neither waits nor is held. */
async function untilTaken({ queue, hub }: Beginnings, id: string, signal: AbortSignal): Promise<void> {
  for await (const changes of hub.changes(signal)) {
    if (changes !== "reset" && !changes.some((change) => change.id === id)) continue;
    const { state } = await queue.read(id);
    if (state === "running" || state === "ended") return;
  }
}
