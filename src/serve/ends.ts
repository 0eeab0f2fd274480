import { noteToldRun } from "../history/index.ts";
import { noteRunEnd } from "../notifications/index.ts";
import type { QueuedRun, QueueOptions } from "../queue/index.ts";
import type { RecordEnds } from "../store/index.ts";
import { noteEnd, noteRetry } from "../triggers/index.ts";
import { noteStatusEnd } from "../work/index.ts";

/** What belongs to the end of a run in the queue, and what its record says of that. */
export function endsOf(records: RecordEnds): QueueOptions {
  return {
    async onEnd(sql, run) {
      await noteEnd(sql, run);
      await noteRetry(sql, run);
      await noteRunEnd(sql, run);
      await noteStatusEnd(sql, run);
      await noteToldRun(sql, run);
      await records.close(sql, run.id, { result: recordedResult(run) });
    },
    // A record ends before its run does in the queue.
    async endOf(sql, { id, attempt }) {
      const end = await records.endOf(sql, id, attempt);
      if (end === undefined) return undefined;
      const { result, revision } = end;
      return {
        result,
        details: {
          ...{ summary: "its record says how it ended; its worker died after that", revision },
          // Why it failed is not known here: a promotion that needs a person says so once more.
          mayPass: result === "FAILURE",
        },
      };
    },
  };
}

/** The words that records have for how a run ended. */
function recordedResult({ result }: Pick<QueuedRun, "result">): "SUCCESS" | "FAILURE" | "ABORTED" {
  return result === undefined || result === "ERROR" ? "FAILURE" : result;
}
