import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseError, type DatabaseErrorCode } from "../database/index.ts";
import type { TakenRun } from "../queue/index.ts";
import { type Run, RunError } from "../store/index.ts";
import type { RecordRequest, WorkEnvironment } from "./model.ts";

/** Milliseconds before the next attempt. */
const pause = 500;

/** What is no failure of a run: the database is away for now. */
const away: ReadonlySet<DatabaseErrorCode> = new Set(["unreachable", "in-doubt", "contended"]);

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
      const isAway =
        error instanceof RunError && error.cause instanceof DatabaseError && away.has(error.cause.code);
      if (!isAway || signal.aborted || !(await stillMine())) throw error;
      await sleep(pause);
    }
  }
}
