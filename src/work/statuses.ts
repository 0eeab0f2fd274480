import type { Database, Migration } from "../database/index.ts";
import type { CommitStatus } from "../forge/index.ts";
import type { WorkEnvironment } from "./model.ts";
import { sourceAt } from "./source.ts";

/** What is to be said of a commit of a repository. */
export interface RunStatus extends Omit<CommitStatus, "url"> {
  /** URL of the repository. */
  readonly repo: string;
  readonly commit: string;
  /** The page of the run. */
  readonly url: string | undefined;
}

/**
 * Statuses that forges are to be told: the newest of each commit and context. What cannot be said now is said later, by whichever
 * process comes to it, also after a restart.
 */
export interface StatusOutbox {
  /** Remembers what is to be said; it is said soon. @throws {DatabaseError} */
  set(status: RunStatus): Promise<void>;
  /** Says what is due, until the signal is aborted. */
  deliver(signal: AbortSignal): Promise<void>;
}

/** The table of what forges are to be told. */
export const workMigrations: readonly Migration[] = [
  {
    id: "work-0001",
    sql: `
CREATE TABLE work_status (
  repo text NOT NULL,
  commit text NOT NULL,
  context text NOT NULL,
  state text NOT NULL,
  description text NOT NULL,
  url text,
  version int NOT NULL DEFAULT 1,
  tries int NOT NULL DEFAULT 0,
  since timestamptz NOT NULL DEFAULT now(),
  due timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (repo, commit, context)
);
CREATE INDEX work_status_due ON work_status (due);
`,
  },
];

const channel = "waybill_status";
/** Statuses that are said at the same time. */
const atOnce = 16;
/** Seconds in which nobody else says what one has begun to say. */
const leaseSeconds = 60;
/** Seconds between two looks for what has become due. */
const pollSeconds = 5;
/** Of a commit that nobody could be told about for so long, nobody waits to hear. */
const givenUpAfter = "1 day";

interface DueStatus {
  readonly repo: string;
  readonly commit: string;
  readonly context: string;
  readonly state: CommitStatus["state"];
  readonly description: string;
  readonly url: string | null;
  readonly version: number;
}

/** Opens the outbox that all processes of a database share. */
export function openStatuses(
  database: Database,
  work: Pick<WorkEnvironment, "settings" | "environment" | "folder" | "onProblem">,
): StatusOutbox {
  const say = async (due: DueStatus): Promise<void> => {
    const { repo, commit, context, version, url, state, description } = due;
    const key = [repo, commit, context, version];
    try {
      const place = await sourceAt(repo, work).forge();
      await place?.project.statuses.set(commit, { context, state, description, url: url ?? undefined });
      await database.query(
        "DELETE FROM work_status WHERE repo = $1 AND commit = $2 AND context = $3 AND version = $4",
        key,
      );
    } catch (error) {
      work.onProblem(error);
      await database.query(
        `UPDATE work_status SET tries = tries + 1, due = now() + least(600, 5 * power(2, least(tries, 10))) * interval '1 second'
         WHERE repo = $1 AND commit = $2 AND context = $3 AND version = $4`,
        key,
      );
    }
  };
  const take = (): Promise<readonly DueStatus[]> =>
    database.query<DueStatus>(
      `UPDATE work_status AS taken SET due = now() + ${leaseSeconds} * interval '1 second'
       FROM (SELECT repo, commit, context FROM work_status WHERE due <= now() ORDER BY due LIMIT ${atOnce} FOR UPDATE SKIP LOCKED) AS next
       WHERE taken.repo = next.repo AND taken.commit = next.commit AND taken.context = next.context
       RETURNING taken.repo, taken.commit, taken.context, taken.state, taken.description, taken.url, taken.version`,
    );
  const sayDue = async (): Promise<void> => {
    await database.query(`DELETE FROM work_status WHERE since < now() - interval '${givenUpAfter}'`);
    for (;;) {
      const due = await take();
      if (due.length === 0) return;
      await Promise.all(due.map(say));
    }
  };
  return {
    async set({ repo, commit, context, state, description, url }) {
      await database.query(
        `WITH said AS (
           INSERT INTO work_status AS known (repo, commit, context, state, description, url) VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (repo, commit, context) DO UPDATE SET state = excluded.state, description = excluded.description,
             url = excluded.url, version = known.version + 1, tries = 0, since = now(), due = now()
         ) SELECT pg_notify('${channel}', '')`,
        [repo, commit, context, state, description, url],
      );
    },
    async deliver(signal) {
      let wake: () => void = () => {};
      let isDue = true;
      const look = (): void => {
        isDue = true;
        wake();
      };
      const unlisten = await database.listen(channel, look, look);
      const timer = setInterval(look, pollSeconds * 1000);
      signal.addEventListener("abort", look, { once: true });
      try {
        while (!signal.aborted) {
          if (!isDue) await new Promise<void>((resolve) => (wake = resolve));
          isDue = false;
          if (!signal.aborted) await sayDue().catch(work.onProblem);
        }
      } finally {
        clearInterval(timer);
        signal.removeEventListener("abort", look);
        await unlisten();
      }
    },
  };
}
