import type { Database, Sql } from "../database/index.ts";

/** What one transaction at a time does, of all processes, by the number of its advisory lock. */
const locks = { admission: "7305512890131401", supervision: "7305512890131402" } as const;

/** Milliseconds without a statement that no process takes which is well. */
const maxIdle = 3_000;

/** Waits until nobody else is in a transaction of this kind. */
export async function alone(db: Database, sql: Sql, kind: keyof typeof locks): Promise<void> {
  await setMaxIdle(db, sql);
  await sql.query("SELECT pg_advisory_xact_lock($1::bigint)", [locks[kind]]);
}

/** @returns Whether nobody else is in a transaction of this kind. */
export async function aloneAtOnce(db: Database, sql: Sql, kind: keyof typeof locks): Promise<boolean> {
  await setMaxIdle(db, sql);
  const [row] = await sql.query<{ mine: boolean }>("SELECT pg_try_advisory_xact_lock($1::bigint) AS mine", [
    locks[kind],
  ]);
  return row?.mine === true;
}

/**
 * Lets the server end the transaction of a process that stops in the midst of it, with all that it has locked. The embedded
 * database is in the process itself: who stops stops both.
 */
export async function setMaxIdle({ kind }: Database, sql: Sql): Promise<void> {
  if (kind === "postgres") {
    await sql.query("SELECT set_config('idle_in_transaction_session_timeout', $1, true)", [String(maxIdle)]);
  }
}
