import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Database, Migration } from "../database/index.ts";
import type { ServerRole } from "./options.ts";

/** The table of processes, each with what it last said of itself. */
export const processesMigrations: readonly Migration[] = [
  {
    id: "processes-0001",
    sql: `
CREATE TABLE server_process (
  id text PRIMARY KEY,
  name text NOT NULL,
  pid integer NOT NULL,
  version text NOT NULL,
  roles text[] NOT NULL,
  address text NOT NULL,
  began_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  is_draining boolean NOT NULL,
  unready text
);
`,
  },
];

/** Milliseconds from one word of a process to its next, and those after which one that says nothing is taken for lost. */
export const processPulse = 15_000;
const lostAfter = 3 * processPulse;
/** Milliseconds for which one that has not said goodbye is remembered. */
const rememberedFor = 24 * 60 * 60_000;

/** A process of a server: of this one, or of another one with the same database. */
export interface ServerProcess {
  /** Another one for each start. */
  readonly id: string;
  /** Of its machine. */
  readonly name: string;
  readonly pid: number;
  readonly version: string;
  readonly roles: readonly ServerRole[];
  /** Where it listens. */
  readonly address: string;
  readonly beganAt: Date;
  readonly seenAt: Date;
  /** `lost`: it has said nothing for a while, and not that it ends. */
  readonly state: "running" | "draining" | "lost";
  /** Why it is given no requests, beside its database. */
  readonly unready: string | undefined;
}

/** What a process says of itself. */
interface PresentProcess {
  readonly db: Database;
  readonly version: string;
  readonly roles: ReadonlySet<ServerRole>;
  readonly address: string;
  whyUnready(): Promise<string | undefined>;
}

/** Where a process says that it is there. */
export interface ProcessEntry {
  /** Says it. @param isDraining It takes nothing new any more. */
  tell(isDraining: boolean): Promise<void>;
  /** Says that it ends. */
  leave(): Promise<void>;
}

/** Opens the entry of this process; nothing is written before it is told. */
export function openProcessEntry({ db, version, roles, address, whyUnready }: PresentProcess): ProcessEntry {
  const id = randomUUID();
  return {
    async tell(isDraining) {
      const unready = await whyUnready();
      await db.query(
        `INSERT INTO server_process (id, name, pid, version, roles, address, began_at, seen_at, is_draining, unready)
         VALUES ($1, $2, $3, $4, $5::text[], $6, now(), now(), $7, $8)
         ON CONFLICT (id) DO UPDATE SET seen_at = now(), is_draining = excluded.is_draining, unready = excluded.unready`,
        [id, hostname(), process.pid, version, [...roles], address, isDraining, unready],
      );
      await db.query("DELETE FROM server_process WHERE seen_at < now() - make_interval(secs => $1)", [
        rememberedFor / 1000,
      ]);
    },
    async leave() {
      await db.query("DELETE FROM server_process WHERE id = $1", [id]);
    },
  };
}

/** Processes that are there, or have ended without a word within a day, the newest first. */
export async function listProcesses(db: Pick<Database, "query">): Promise<readonly ServerProcess[]> {
  interface Row extends Pick<ServerProcess, "id" | "name" | "pid" | "version" | "roles" | "address"> {
    readonly began_at: Date;
    readonly seen_at: Date;
    readonly is_draining: boolean;
    readonly is_lost: boolean;
    readonly unready: string | null;
  }
  const rows = await db.query<Row>(
    `SELECT *, seen_at < now() - make_interval(secs => $1) AS is_lost FROM server_process
     ORDER BY began_at DESC, id LIMIT 500`,
    [lostAfter / 1000],
  );
  return rows.map(({ began_at: beganAt, seen_at: seenAt, is_draining, is_lost, unready, ...row }) => ({
    ...{ id: row.id, name: row.name, pid: row.pid, version: row.version, roles: row.roles },
    ...{ address: row.address, beganAt, seenAt, unready: unready ?? undefined },
    state: is_lost ? "lost" : is_draining ? "draining" : "running",
  }));
}
