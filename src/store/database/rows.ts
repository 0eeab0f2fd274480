import { isKnownToHaveEnded, isOfEarlierBoot } from "../../disk/index.ts";
import type { RecordedRun } from "../model.ts";
import { readDocuments, recordFiles, runnerIn } from "../prow/record.ts";

/** What a record is read from. */
export interface RecordRow {
  readonly id: string;
  readonly job: string;
  readonly place: string;
  readonly is_queued: boolean;
  readonly result: Exclude<RecordedRun["result"], "CRASHED">;
  readonly started: unknown;
  readonly finished: unknown;
  readonly refs: unknown;
  readonly seen_at: Date;
}

/** The columns of a {@link RecordRow}: of `prowjob.json`, which may hold a whole pod, what a record shows. */
export const recordColumns =
  "id, job, place, is_queued, result, started, finished, prow_job #> '{spec,refs}' AS refs, seen_at";

/** A record as it is shown. @param where Of the objects. */
export function recordOf(row: RecordRow, where: string): RecordedRun {
  const { id, job, started, finished, refs, result } = row;
  const told = readDocuments(id, {
    started,
    finished: finished ?? undefined,
    prowJob: { spec: { refs: refs ?? undefined } },
  });
  const folder = `${where}/${row.place}`;
  return {
    ...{ job, id, where: folder, log: `${folder}/${recordFiles.log}` },
    ...told,
    result: isCrashed(row) ? "CRASHED" : result,
  };
}

/** Whether the process that does a run is known to have ended. What becomes of a queue's runs is for their queue to say. */
export function isCrashed({
  is_queued,
  result,
  started,
  seen_at,
}: Pick<RecordRow, "is_queued" | "result" | "started" | "seen_at">): boolean {
  if (is_queued || result !== "PENDING") return false;
  const { process = "", boot = "" } = runnerIn(started) ?? {};
  return isKnownToHaveEnded(process) || isOfEarlierBoot(boot, seen_at);
}
