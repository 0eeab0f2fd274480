import { join } from "node:path";
import type { Database } from "../../database/index.ts";
import type { ObjectStore } from "../../objects/index.ts";
import type { Pump } from "./pump.ts";

/** What the parts of this driver work with. */
export interface Context {
  readonly db: Database;
  readonly objects: ObjectStore;
  /** A folder of this machine for what runs of its processes write while they go on. */
  readonly spool: string;
  /** Runs that are under way in this process, by id. */
  readonly underWay: Map<string, Pump>;
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
