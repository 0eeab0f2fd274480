export { askForRun } from "./ask.ts";
export { openRequestBudget, type RequestBudget } from "./budget.ts";
export { QueueError, type QueueErrorCode, RunStopped } from "./errors.ts";
export { queueMigrations } from "./migrations.ts";
export type * from "./model.ts";
export { openQueue } from "./queue.ts";
export { forgetWorkers, maxCrashes } from "./settle.ts";
