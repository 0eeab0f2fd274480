export { ChatopsError, type ChatopsErrorCode } from "./errors.ts";
export { type Command, commandsIn, type SaidCommand } from "./grammar.ts";
export { heedComments } from "./heed.ts";
export { chatopsMigrations } from "./migrations.ts";
export { type Audit, commandOnPage, type PageCommand, type PullAct, pullActs } from "./on-page.ts";
export {
  type CommandOutcome,
  commandsUnder,
  holdWordsUnder,
  type ObeyedComment,
  withCommentApprovals,
  wordsUnder,
} from "./records.ts";
export { trustIn } from "./trust.ts";
export type { ChatWorld } from "./world.ts";
