import { isPassing } from "../database/index.ts";
import type { TakenRun } from "../queue/index.ts";
import { type Run, RunError } from "../store/index.ts";
import type { RecordRequest, WorkEnvironment } from "./model.ts";
import { untilBack } from "./until-back.ts";

/**
 * Begins the record of a run. While the database is away, it is waited for as long as the run is this worker's: a run that was taken
 * right before an outage has not failed.
 * @throws {RunError} when it cannot be recorded.
 */
export function beginRecord(
  { start }: WorkEnvironment["records"],
  request: RecordRequest,
  run: Pick<TakenRun, "signal" | "stillMine">,
): Promise<Run> {
  return untilBack(
    run,
    () => start(request),
    (error) => error instanceof RunError && isPassing(error.cause),
  );
}
