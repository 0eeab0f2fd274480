import type { Migration, Sql } from "../database/index.ts";
import type { QueuedRun } from "../queue/index.ts";

/**
 * The tables of what forges are to have been told: for each status and each comment what is wanted now. A row with a time at which it is
 * `due` has not been said yet. A status is `is_final` once the run that it is of has nothing more to say.
 */
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
  {
    id: "work-0002",
    sql: `
ALTER TABLE work_status ALTER due DROP NOT NULL, ADD run text, ADD is_final boolean NOT NULL DEFAULT true,
  ADD claimed_until timestamptz;
CREATE INDEX work_status_run ON work_status (run) WHERE NOT is_final;
CREATE TABLE work_comment (
  repo text NOT NULL,
  pull int NOT NULL,
  marker text NOT NULL,
  commit text NOT NULL,
  body text NOT NULL,
  version int NOT NULL DEFAULT 1,
  tries int NOT NULL DEFAULT 0,
  since timestamptz NOT NULL DEFAULT now(),
  due timestamptz DEFAULT now(),
  claimed_until timestamptz,
  PRIMARY KEY (repo, pull, marker)
);
CREATE INDEX work_comment_due ON work_comment (due);
`,
  },
];

/** Notices are sent on it when there is something to say. */
export const outboxChannel = "waybill_status";

/**
 * Gives the statuses of a run their end that its worker has not: it has died, or the database was away. To be called in the
 * transaction in which the run ends. A commit that it turned out not to be about, or one of which nothing was judged, is no success.
 */
export async function noteStatusEnd(
  sql: Sql,
  { id, kind, result, details }: Pick<QueuedRun, "id" | "kind" | "result" | "details">,
): Promise<void> {
  const state =
    result === "SUCCESS" && kind !== "review" ? "success" : result === "FAILURE" ? "failure" : "error";
  const revision = typeof details?.revision === "string" ? details.revision : undefined;
  await sql.query(
    `WITH ended AS (
       UPDATE work_status SET state = CASE WHEN commit = $3 OR $2 <> 'success' THEN $2 ELSE 'error' END,
         description = $4, is_final = true, version = version + 1, tries = 0, since = now(), due = now()
       WHERE run = $1 AND NOT is_final RETURNING 1
     ) SELECT pg_notify('${outboxChannel}', '') FROM ended LIMIT 1`,
    [id, state, revision, details?.summary ?? "its run is over, and nobody says how"],
  );
}
