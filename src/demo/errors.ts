import { WaybillError } from "../errors/index.ts";

/**
 * Why the demonstration cannot go on.
 * - `git-missing`: there is no Git in PATH.
 * - `git-failed`: Git did not do what it was asked for.
 * - `step-failed`: a step did not come to what it shows.
 */
export type DemoErrorCode = "git-missing" | "git-failed" | "step-failed";

/** The demonstration cannot go on. */
export class DemoError extends WaybillError<DemoErrorCode> {
  override readonly name = "DemoError";
}
