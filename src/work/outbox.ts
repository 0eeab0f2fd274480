import type { Database } from "../database/index.ts";
import type { CommitStatus } from "../forge/index.ts";
import type { WorkEnvironment } from "./model.ts";
import { outboxChannel } from "./outbox-tables.ts";
import { sourceAt } from "./source.ts";

/** What is to be said of a commit of a repository. */
export interface RunStatus extends Omit<CommitStatus, "url"> {
  /** URL of the repository. */
  readonly repo: string;
  readonly commit: string;
  /** The page of the run. */
  readonly url: string | undefined;
  /** The id of the run that says it. */
  readonly run: string;
  /** The run has no more to say of the commit. */
  readonly isFinal: boolean;
}

/** What is to stand in the one comment with a marker under a pull request. */
export interface RunComment {
  /** URL of the repository. */
  readonly repo: string;
  readonly pull: number;
  readonly marker: string;
  readonly body: string;
  /** What it speaks of: once the pull request has another newest commit, it is not said any more. */
  readonly commit: string;
}

/**
 * What forges are to be told: the newest status of each commit and context, the newest text of each comment. It is what is wanted, not
 * what happened: what cannot be said now is said later, by whichever process comes to it, also after a restart.
 */
export interface ForgeOutbox {
  /** Remembers what is to be said; it is said soon. @throws {DatabaseError} */
  setStatus(status: RunStatus): Promise<void>;
  /** Remembers what is to stand there. Under what is merged or closed by then nothing is written. @throws {DatabaseError} */
  putComment(comment: RunComment): Promise<void>;
  /** Says what is due, until the signal is aborted. */
  deliver(signal: AbortSignal): Promise<void>;
}

/** Rows that are said at the same time. */
const atOnce = 16;
/** Seconds in which nobody else says what one has begun to say: two who write a first comment at a time would write two. */
const leaseSeconds = 300;
/** Seconds between two looks for what has become due. */
const pollSeconds = 5;
/** Of a commit that nobody could be told about for so long, nobody waits to hear. */
const givenUpAfter = "1 day";
/** What has been said is remembered for so long; what a run has not said the end of, for longer than any run lasts. */
const rememberedFor = "30 days";

interface Due {
  readonly repo: string;
  readonly version: number;
}

interface DueStatus extends Due {
  readonly commit: string;
  readonly context: string;
  readonly state: CommitStatus["state"];
  readonly description: string;
  readonly url: string | null;
}

interface DueComment extends Due {
  readonly pull: number;
  readonly marker: string;
  readonly commit: string;
  readonly body: string;
}

/** A table of what is to be said: its name, its key, and how one of its rows is said. */
interface Tray<Row extends Due> {
  readonly table: string;
  readonly key: readonly (keyof Row & string)[];
  readonly say: (row: Row) => Promise<void>;
}

/** Opens the outbox that all processes of a database share. */
export function openOutbox(
  database: Database,
  work: Pick<WorkEnvironment, "settings" | "environment" | "folder" | "onProblem" | "credentialSources">,
): ForgeOutbox {
  const statuses: Tray<DueStatus> = {
    table: "work_status",
    key: ["repo", "commit", "context"],
    async say({ repo, commit, context, state, description, url }) {
      const place = await sourceAt(repo, work).forge();
      await place?.project.statuses.set(commit, { context, state, description, url: url ?? undefined });
    },
  };
  const comments: Tray<DueComment> = {
    table: "work_comment",
    key: ["repo", "pull", "marker"],
    async say({ repo, pull: number, marker, commit, body }) {
      const project = (await sourceAt(repo, work).forge())?.project;
      if (project === undefined) return;
      const { state, head } = await project.pullRequests.read(number);
      if (state === "open" && head.commit === commit) await project.conversation.put(number, marker, body);
    },
  };

  async function sayDue<Row extends Due>({ table, key, say }: Tray<Row>): Promise<void> {
    const keys = key.join(", ");
    const isSame = key.map((name) => `taken.${name} = next.${name}`).join(" AND ");
    const isOne = key.map((name, at) => `${name} = $${at + 2}`).join(" AND ");
    /** What is newer than what was said is due at once: nobody says the older after it. */
    const settle = (row: Row, due: string): Promise<unknown> =>
      database.query(
        `UPDATE ${table} SET claimed_until = NULL, tries = tries + 1, due = CASE WHEN version = $1 THEN ${due} ELSE now() END
         WHERE ${isOne}`,
        [row.version, ...key.map((name) => row[name])],
      );
    const sayOne = async (row: Row): Promise<void> => {
      try {
        await say(row);
        await settle(row, "NULL");
      } catch (error) {
        work.onProblem(error);
        await settle(row, "now() + least(600, 5 * power(2, least(tries, 10))) * interval '1 second'");
      }
    };
    for (;;) {
      const due = await database.query<Row>(
        `UPDATE ${table} AS taken SET claimed_until = now() + ${leaseSeconds} * interval '1 second'
         FROM (SELECT ${keys} FROM ${table} WHERE due <= now() AND (claimed_until IS NULL OR claimed_until <= now())
               ORDER BY due LIMIT ${atOnce} FOR UPDATE SKIP LOCKED) AS next
         WHERE ${isSame} RETURNING taken.*`,
      );
      if (due.length === 0) return;
      await Promise.all(due.map(sayOne));
    }
  }

  const sayAll = async (): Promise<void> => {
    await database.query(
      `DELETE FROM work_status WHERE since < now() - interval '${rememberedFor}'
         OR (is_final AND since < now() - interval '${givenUpAfter}')`,
    );
    await database.query(`DELETE FROM work_comment WHERE since < now() - interval '${givenUpAfter}'`);
    await sayDue(comments);
    await sayDue(statuses);
  };

  return {
    async setStatus({ repo, commit, context, state, description, url, run, isFinal }) {
      await database.query(
        `WITH said AS (
           INSERT INTO work_status AS known (repo, commit, context, state, description, url, run, is_final)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (repo, commit, context) DO UPDATE SET state = excluded.state, description = excluded.description,
             url = excluded.url, run = excluded.run, is_final = excluded.is_final,
             version = known.version + 1, tries = 0, since = now(), due = now()
         ) SELECT pg_notify('${outboxChannel}', '')`,
        [repo, commit, context, state, description, url, run, isFinal],
      );
    },
    async putComment({ repo, pull, marker, body, commit }) {
      await database.query(
        `WITH said AS (
           INSERT INTO work_comment AS known (repo, pull, marker, commit, body) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (repo, pull, marker) DO UPDATE SET commit = excluded.commit, body = excluded.body,
             version = known.version + 1, tries = 0, since = now(), due = now()
         ) SELECT pg_notify('${outboxChannel}', '')`,
        [repo, pull, marker, commit, body],
      );
    },
    async deliver(signal) {
      let wake: () => void = () => {};
      let isDue = true;
      const look = (): void => {
        isDue = true;
        wake();
      };
      const unlisten = await database.listen(outboxChannel, look, look);
      const timer = setInterval(look, pollSeconds * 1000);
      signal.addEventListener("abort", look, { once: true });
      try {
        while (!signal.aborted) {
          if (!isDue) await new Promise<void>((resolve) => (wake = resolve));
          isDue = false;
          if (!signal.aborted) await sayAll().catch(work.onProblem);
        }
      } finally {
        clearInterval(timer);
        signal.removeEventListener("abort", look);
        await unlisten();
      }
    },
  };
}
