import { resolve } from "node:path";
import { closeCrashed } from "./close-crashed.ts";
import { sweepUnfinished } from "./files.ts";
import { findRun, listRuns } from "./find.ts";
import type { RunStore } from "./model.ts";
import { checkJobName, placeOfRun } from "./places.ts";
import { startRun } from "./start.ts";

/**
 * The runs in a folder. Any number of processes may use the same one; it is made when the first run begins.
 *
 * A run that begins closes earlier runs of its job whose process is known to have ended: they become `ABORTED`.
 */
export function openRuns(folder: string): RunStore {
  const store = resolve(folder);
  return {
    folder: store,
    async start(request) {
      checkJobName(request.job);
      // Refs that make no folder are refused before anything is written.
      placeOfRun(request, "0");
      await sweepUnfinished(store);
      await closeCrashed(store, request.job);
      return startRun(store, request, request.now ?? (() => new Date()));
    },
    find: (name) => findRun(store, name),
    list: (job) => listRuns(store, job),
  };
}
