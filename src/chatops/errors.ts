import { WaybillError } from "../errors/index.ts";

/**
 * Why commands are not obeyed:
 * - `busy`: another process is at them.
 * - `refused`: whoever gives it may not, or it cannot be done to the pull request as it is.
 * - `login-unknown`: nobody can tell for certain who it is on the forge.
 * - `not-reviewed`: there is no review of its newest commit that could be approved.
 * - `outdated`: something else is asked for than the page showed.
 * - `unclear`: the words mean another command.
 */
export type ChatopsErrorCode = "busy" | "refused" | "login-unknown" | "not-reviewed" | "outdated" | "unclear";

/** Commands are not obeyed: not yet, or not at all. */
export class ChatopsError extends WaybillError<ChatopsErrorCode> {
  override readonly name = "ChatopsError";
}
