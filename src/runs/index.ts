export type { RecordedRun, Run, RunEnd, RunRefs, RunRequest, RunStore, RunType } from "./model.ts";
