import { join } from "node:path";
import type { Database } from "../../database/index.ts";
import type { ObjectStore } from "../../objects/index.ts";
import { RunError } from "../errors.ts";

/** What the parts of this driver work with. */
export interface Context {
  readonly db: Database;
  readonly objects: ObjectStore;
  /** A folder of this machine for what runs of its processes write while they go on. */
  readonly spool: string;
  /** Runs that are under way in this process, by id. */
  readonly underWay: Map<string, UnderWay>;
}

/** An attempt at a run in this process. */
export interface UnderWay {
  readonly attempt: number;
  /** Resolves when all that has been written is in the database. Throws what the database says. */
  drained(): Promise<void>;
  /** Lets go of what is open for it: whoever goes on with it, it is not this attempt. */
  abandon(): void;
}

/** Brings what a run of this process has written by now into the database, so that it is there to be read. */
export async function drainOwn({ underWay }: Context, id: string): Promise<void> {
  try {
    await underWay.get(id)?.drained();
  } catch (error) {
    // What an attempt that is over has not brought is not part of the record.
    if (!(error instanceof RunError)) throw error;
  }
}

/** The folder of an attempt at a run, and what is in it. */
export interface SpoolFolder {
  readonly folder: string;
  readonly artifacts: string;
}

export function spoolOf({ spool }: Pick<Context, "spool">, id: string, attempt: number): SpoolFolder {
  const folder = join(spool, `${id}.${attempt}`);
  return { folder, artifacts: join(folder, "artifacts") };
}
