export { ChatopsError, type ChatopsErrorCode } from "./errors.ts";
export { type Command, commandsIn, type SaidCommand } from "./grammar.ts";
export { heedComments } from "./heed.ts";
export { chatopsMigrations } from "./migrations.ts";
export { withCommentApprovals } from "./records.ts";
export { trustIn } from "./trust.ts";
export type { ChatWorld } from "./world.ts";
