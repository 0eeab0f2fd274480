export { defaultDataFolder } from "./data-folder.ts";
export { RunError, type RunErrorCode } from "./errors.ts";
export { logFileOf, readLog } from "./log.ts";
export type { RecordedRun, Run, RunEnd, RunRefs, RunRequest, RunStore, RunType } from "./model.ts";
export { openRuns } from "./store.ts";
