import { setTimeout as sleep } from "node:timers/promises";
import { type Database, DatabaseError, type DatabaseErrorCode } from "../database/index.ts";

const lookMilliseconds = 5_000;
/** What no time mends: the embedded database has stopped, or another process has its folder. */
const final: ReadonlySet<DatabaseErrorCode> = new Set(["broken", "locked"]);

/**
 * Looks whether the database can still be had, until the signal is aborted. One that is away is waited for; one that is lost for this
 * process is what this throws, for another process recovers it.
 */
export async function throwIfLost(db: Database, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await db.query("SELECT 1").catch((error: unknown) => {
      if (error instanceof DatabaseError && final.has(error.code)) throw error;
    });
    await sleep(lookMilliseconds, undefined, { signal }).catch(() => undefined);
  }
}
