import { createHash } from "node:crypto";
import { phrase } from "../errors/index.ts";
import { DatabaseError } from "./errors.ts";
import type { Database, Migration } from "./model.ts";

interface Applied {
  readonly id: string;
  readonly digest: string;
}

/**
 * Brings the schema of a database to where this version has it: what is not applied is, in its order, each step in a transaction.
 * Processes that do it at the same time do it one after the other. Throws {@link DatabaseError}: `newer` where the
 * database has steps that this version does not know, `changed` where one is not as it was applied.
 */
export async function migrate(db: Database, migrations: readonly Migration[]): Promise<void> {
  await db.transaction(async (sql) => {
    await sql.query("SELECT pg_advisory_xact_lock(7305512890131287)");
    await sql.query(
      "CREATE TABLE IF NOT EXISTS waybill_migration (id text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
    );
    const applied = await sql.query<Applied>("SELECT id, digest FROM waybill_migration");
    refuseOthers(db.where, applied, migrations);
    const known = new Set(applied.map(({ id }) => id));
    for (const step of migrations.filter(({ id }) => !known.has(id))) {
      await sql.script(step.sql);
      await sql.query("INSERT INTO waybill_migration (id, digest) VALUES ($1, $2)", [
        step.id,
        digestOf(step),
      ]);
    }
  });
}

function refuseOthers(where: string, applied: readonly Applied[], migrations: readonly Migration[]): void {
  const own = new Map(migrations.map((step) => [step.id, digestOf(step)]));
  for (const { id, digest } of applied) {
    const expected = own.get(id);
    if (expected === undefined) {
      throw new DatabaseError("newer", phrase`the database has been changed by a newer version: ${id}`, {
        where,
        hint: "run that version, or restore a backup of before",
      });
    }
    if (expected !== digest) {
      throw new DatabaseError("changed", phrase`step ${id} of the schema is not the one that was applied`, {
        where,
      });
    }
  }
}

function digestOf({ sql }: Migration): string {
  return createHash("sha256").update(sql).digest("hex");
}
