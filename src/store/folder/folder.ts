import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { RunStore } from "../model.ts";
import { findRun } from "./find.ts";
import { listRuns } from "./list.ts";
import { checkJobName, placeOfRun } from "./places.ts";
import { startRun } from "./start.ts";
import { storedRun } from "./stored-run.ts";

/** The runs in a folder, in the layout of Prow's bucket. It is made when the first run begins. */
export function openRunFolder(folder: string): RunStore {
  const store = resolve(folder);
  return {
    where: store,
    async start(request) {
      checkJobName(request.job);
      // Refs that make no folder are refused before anything is written.
      placeOfRun(request, "0");
      return startRun(store, request, request.now ?? (() => new Date()));
    },
    find: async (name) => storedRun(await findRun(store, name)),
    list: (query) => listRuns(store, query),
  };
}

/**
 * The folder that runs are recorded in when nobody names one: `$WAYBILL_DATA`, else `waybill` in `$XDG_DATA_HOME`, else
 * `~/.local/share/waybill`. Records are in the folder itself, images that builds push in its folder `registry`.
 */
export function defaultDataFolder(environment: NodeJS.ProcessEnv): string {
  const { WAYBILL_DATA: named, XDG_DATA_HOME: data, HOME: home } = environment;
  if (named !== undefined && named !== "") return resolve(named);
  // The specification of these variables says that a relative path is to be ignored.
  const base = data !== undefined && isAbsolute(data) ? data : join(home || homedir(), ".local", "share");
  return join(base, "waybill");
}
