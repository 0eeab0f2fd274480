import { diskFaultOf, errorCodeOf } from "../disk/index.ts";
import { isWaybillError, messageOf, WaybillError } from "../errors/index.ts";

/**
 * Why there is no run, or no record of it.
 * - `unknown-run`: nothing here has that name.
 * - `invalid-job-name`: Prow would not take it either.
 * - `invalid-refs`: a pull request's run without a pull request, or names that make no folder.
 * - `run-unwritable`: the file system, the database or the store of objects refused.
 * - `run-taken-over`: another attempt goes on with the run, or somebody else has ended it.
 */
export type RunErrorCode =
  | "unknown-run"
  | "invalid-job-name"
  | "invalid-refs"
  | "run-unwritable"
  | "run-taken-over";

/** A run that cannot be found, begun or recorded. */
export class RunError extends WaybillError<RunErrorCode> {
  override readonly name = "RunError";
}

const otherFolder = "choose another data folder";
/** What is said otherwise than of any file. */
const faults: ReadonlyMap<string | undefined, readonly [message: string, hint: string]> = new Map([
  ["ENOSPC", ["the disk is full, so the run cannot be recorded", "make room and run again"]],
  ["EDQUOT", ["the disk quota is used up, so the run cannot be recorded", "make room and run again"]],
  ["EROFS", ["the file system is read-only", `mount it for writing, or ${otherFolder}`]],
  ["EACCES", ["permission denied", `give this user access to the folder, or ${otherFolder}`]],
  ["ENOTDIR", ["expected a folder, found a file", `move the file away, or ${otherFolder}`]],
]);

/** What the file system refused while a run was recorded, as an error of this room. */
export function recordFailure(error: unknown, where: string): Error {
  const code = errorCodeOf(error);
  if (error instanceof RunError || (error instanceof Error && code === undefined)) return error;
  const fault = diskFaultOf(error);
  const [message, hint] = faults.get(code) ?? [fault.message, fault.hint];
  return new RunError("run-unwritable", message, { where, hint, cause: error });
}

/** What a database or a store of objects refused while a run was recorded, as an error of this room. */
export function unwritable(error: unknown, where: string): RunError {
  if (error instanceof RunError) return error;
  const hint = isWaybillError(error) ? error.hint : undefined;
  return new RunError("run-unwritable", `the run cannot be recorded: ${messageOf(error)}`, {
    ...{ where, cause: error },
    ...(hint !== undefined && { hint }),
  });
}
