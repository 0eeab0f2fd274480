import type { Migration, Sql } from "../database/index.ts";

/** The table of what somebody has taken of branches of jobs that were rewritten: all processes that read such a branch have to know. */
export const acceptedBranchMigrations: readonly Migration[] = [
  {
    id: "accepted-branch-0001",
    sql: `
CREATE TABLE accepted_branch (
  place text PRIMARY KEY,
  commit text NOT NULL,
  accepted_at timestamptz NOT NULL DEFAULT now()
);
`,
  },
];

/** Notices are sent on it when all processes are to read the jobs now. */
export const readJobsChannel = "waybill_accepted_branch";

/** Has all processes read the jobs now. */
export async function readJobsNow(sql: Sql): Promise<void> {
  await sql.query("SELECT pg_notify($1, '')", [readJobsChannel]);
}

/** Takes a branch as it is at a commit. @param place Where jobs come from, as {@link JobSet} has it. */
export async function acceptBranch(sql: Sql, place: string, commit: string): Promise<void> {
  await sql.query(
    `WITH taken AS (
       INSERT INTO accepted_branch (place, commit) VALUES ($1, $2)
       ON CONFLICT (place) DO UPDATE SET commit = excluded.commit, accepted_at = now()
     ) SELECT pg_notify('${readJobsChannel}', '')`,
    [place, commit],
  );
}

/** The commit at which a branch was taken last. */
export async function acceptedCommit(sql: Sql, place: string): Promise<string | undefined> {
  const rows = await sql.query<{ readonly commit: string }>(
    "SELECT commit FROM accepted_branch WHERE place = $1",
    [place],
  );
  return rows[0]?.commit;
}
