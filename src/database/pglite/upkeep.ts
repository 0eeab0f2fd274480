import type { DatabaseSession } from "../frame.ts";

/** How much of the log is kept at most before its changes are put where they belong: what a start after a crash reads. */
const mostLogBytes = 64 * 1024 * 1024;

/** PostgreSQL's own rules of when its autovacuum looks at a table. */
const dueTables = `
  SELECT format('%I.%I', s.schemaname, s.relname) AS name
  FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
  WHERE s.n_dead_tup > 50 + 0.2 * greatest(c.reltuples, 0)
     OR s.n_mod_since_analyze > 50 + 0.1 * greatest(c.reltuples, 0)
  ORDER BY s.n_dead_tup DESC`;

/**
 * Does what processes of a server do beside its sessions, and what an engine without other processes leaves undone: its log would
 * grow for ever, and so would tables that are changed.
 * @param withSession Gives a session for one statement, so that others come in between.
 */
export async function keepUp(
  withSession: <Result>(use: (session: DatabaseSession) => Promise<Result>) => Promise<Result>,
): Promise<void> {
  // What was counted last may not be told for a second.
  await withSession((session) => session.query("SELECT pg_stat_force_next_flush()", []));
  const tables = await withSession((session) => session.query<{ name: string }>(dueTables, []));
  for (const { name } of tables) await withSession((session) => session.script(`VACUUM (ANALYZE) ${name}`));
  const [log] = await withSession((session) =>
    session.query<{ bytes: string }>(
      "SELECT pg_current_wal_insert_lsn() - redo_lsn AS bytes FROM pg_control_checkpoint()",
      [],
    ),
  );
  if (Number(log?.bytes) > mostLogBytes) await withSession((session) => session.script("CHECKPOINT"));
}
