export { createApp } from "./app.ts";
export type { ServerErrorCode } from "./errors.ts";
export { type Listening, listen } from "./listen.ts";
export type {
  App,
  PromotionState,
  ServedJobs,
  ServerParts,
} from "./model.ts";
