import { type Database, DatabaseError, type Sql } from "../../database/index.ts";
import { RunError } from "../errors.ts";
import type { RunAttempt } from "./model.ts";

/** The attempt at a run that this process is at. */
export interface OwnAttempt extends Pick<RunAttempt, "fence"> {
  readonly id: string;
  readonly attempt: number;
}

/** A record whose row is locked. */
export interface LockedRow {
  readonly attempt: number;
  readonly result: string;
  readonly log_bytes: string;
  readonly event_bytes: string;
}

/**
 * Does something with a record in a transaction in which no later attempt can begin. What the record says besides is for `work` to
 * judge. @throws {RunError} `run-taken-over`.
 */
export function asOwn<Result>(
  db: Database,
  { id, attempt, fence }: OwnAttempt,
  work: (sql: Sql, row: LockedRow) => Promise<Result>,
): Promise<Result> {
  return db.transaction(async (sql) => {
    await fenced(sql, id, fence);
    const [row] = await sql.query<LockedRow>(
      "SELECT attempt, result, log_bytes, event_bytes FROM run_record WHERE id = $1 FOR UPDATE",
      [id],
    );
    if (row?.attempt !== attempt) throw takenOver(id);
    return work(sql, row);
  });
}

/** Asks whoever has given the run whether it is still this process's. @throws {RunError} `run-taken-over`. */
export async function fenced(sql: Sql, id: string, fence: RunAttempt["fence"]): Promise<void> {
  try {
    await fence?.(sql);
  } catch (error) {
    // That nobody could be asked is no answer.
    if (error instanceof DatabaseError) throw error;
    throw takenOver(id, error);
  }
}

/** What an attempt fails with that is over without its doing. */
export function takenOver(id: string, cause?: unknown): RunError {
  return new RunError("run-taken-over", "another attempt goes on with the run, or it was ended", {
    where: id,
    hint: "nothing more is written by this one",
    cause,
  });
}
