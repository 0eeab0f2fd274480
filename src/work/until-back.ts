import { setTimeout as sleep } from "node:timers/promises";
import { isPassing } from "../database/index.ts";
import type { TakenRun } from "../queue/index.ts";

/** Milliseconds before the next attempt. */
const pause = 500;

/**
 * Does something that may be done twice. While the database is away, that is waited for as long as the run is this worker's: what
 * came of a run is not lost by an outage.
 * @param isAway Whether it failed for that alone.
 */
export async function untilBack<Result>(
  { signal, stillMine }: Pick<TakenRun, "signal" | "stillMine">,
  work: () => Promise<Result>,
  isAway: (error: unknown) => boolean = isPassing,
): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isAway(error) || signal.aborted || !(await stillMine())) throw error;
      await sleep(pause);
    }
  }
}
