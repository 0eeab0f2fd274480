import type { Database, Sql } from "../database/index.ts";

/** What one transaction at a time does, of all processes, by the number of its advisory lock. */
const locks = { admission: "7305512890131401", supervision: "7305512890131402" } as const;

/** Milliseconds without a statement that no process takes which is well. */
const maxIdle = 3_000;

/** The embedded database is in the process itself: who stops stops both. */
const maxIdleSet = {
  pglite: "",
  postgres: `set_config('idle_in_transaction_session_timeout', '${maxIdle}', true), `,
} as const;

/** Waits until nobody else is in a transaction of this kind. */
export async function alone({ kind }: Database, sql: Sql, lock: keyof typeof locks): Promise<void> {
  await sql.query(`SELECT ${maxIdleSet[kind]}pg_advisory_xact_lock($1::bigint)`, [locks[lock]]);
}

/** @returns Whether nobody else is in a transaction of this kind. */
export async function aloneAtOnce({ kind }: Database, sql: Sql, lock: keyof typeof locks): Promise<boolean> {
  const [row] = await sql.query<{ mine: boolean }>(
    `SELECT ${maxIdleSet[kind]}pg_try_advisory_xact_lock($1::bigint) AS mine`,
    [locks[lock]],
  );
  return row?.mine === true;
}

/** Lets the server end the transaction of a process that stops in the midst of it, with all that it has locked. */
export async function endWhenIdle({ kind }: Database, sql: Sql): Promise<void> {
  if (kind === "postgres") await sql.query(`SELECT ${maxIdleSet[kind]}true`);
}
