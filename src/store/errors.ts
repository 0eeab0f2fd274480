import { WaybillError } from "../errors/index.ts";

/**
 * Why there is no run, or no record of it.
 * - `unknown-run`: nothing here has that name.
 * - `invalid-job-name`: Prow would not take it either.
 * - `invalid-refs`: a pull request's run without a pull request, or names that make no folder.
 * - `run-unwritable`: the file system refused.
 */
export type RunErrorCode = "unknown-run" | "invalid-job-name" | "invalid-refs" | "run-unwritable";

/** A run that cannot be found, begun or recorded. */
export class RunError extends WaybillError<RunErrorCode> {
  override readonly name = "RunError";
}

const faults: ReadonlyMap<string, readonly [message: string, hint: string]> = new Map([
  ["ENOSPC", ["the disk is full, so the run cannot be recorded", "make room and run again"]],
  ["EDQUOT", ["the disk quota is used up, so the run cannot be recorded", "make room and run again"]],
  ["EROFS", ["the file system is read-only", "mount it for writing, or choose another data folder"]],
  ["EACCES", ["permission denied", "give this user access to the folder, or choose another data folder"]],
  ["EPERM", ["operation not permitted", "give this user access to the folder"]],
  ["ENOTDIR", ["expected a folder, found a file", "move the file away, or choose another data folder"]],
  ["ELOCKED", ["another process does not release its lock", "end it; if there is none, delete the file"]],
]);

/** What the file system refused while a run was recorded, as an error of this room. */
export function recordFailure(error: unknown, where: string): Error {
  if (error instanceof RunError) return error;
  const code = errorCode(error);
  if (error instanceof Error && code === undefined) return error;
  const [message, hint] = faults.get(code ?? "") ?? [`the file system failed: ${code}`, undefined];
  return new RunError("run-unwritable", message, { where, hint, cause: error });
}

/** The code of a system error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
