import { setTimeout as sleep } from "node:timers/promises";
import { isPassing } from "../database/index.ts";
import type { TakenRun } from "../queue/index.ts";
import { type Run, RunError } from "../store/index.ts";
import type { RecordRequest, WorkEnvironment } from "./model.ts";

/** Milliseconds before the next attempt. */
const pause = 500;

/**
 * Begins the record of a run. While the database is away, it is waited for as long as the run is this worker's: a run that was taken
 * right before an outage has not failed.
 * @throws {RunError} when it cannot be recorded.
 */
export async function beginRecord(
  { start }: WorkEnvironment["records"],
  request: RecordRequest,
  { signal, stillMine }: Pick<TakenRun, "signal" | "stillMine">,
): Promise<Run> {
  for (;;) {
    try {
      return await start(request);
    } catch (error) {
      const isAway = error instanceof RunError && isPassing(error.cause);
      if (!isAway || signal.aborted || !(await stillMine())) throw error;
      await sleep(pause);
    }
  }
}
