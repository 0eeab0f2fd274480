import type { Sql } from "../database/index.ts";

/** Told when there is something to look at now. */
export const lookChannel = "waybill_look";

/** Wakes whoever looks, once the transaction is committed. */
export async function wake(sql: Sql): Promise<void> {
  await sql.query("SELECT pg_notify($1, '')", [lookChannel]);
}
