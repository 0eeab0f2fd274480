import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { phrase } from "../errors/index.ts";
import { DatabaseError } from "./errors.ts";
import type { Database, Migration, Sql } from "./model.ts";

/** A step as a database remembers it. */
export interface AppliedMigration {
  readonly id: string;
  /** SHA-256 of its text, in hexadecimal digits. */
  readonly digest: string;
}

/** Two processes that change the schema do so one after the other: a number that nothing else locks. */
const lockNumber = "7305512890131287";
/** Whoever waits for a lock makes all others wait that come after: rather than for long, again and again. */
const lockTimeout = "2s";
const lockWithin = 60_000;
const lockPause = 500;

const table = `
  CREATE TABLE IF NOT EXISTS waybill_migration (
    id text PRIMARY KEY,
    digest text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
  )`;

/**
 * Brings the schema of a database to where this version has it, while others use it: what is not applied is, in its order, each step
 * in a transaction. Processes that do it at the same time do it one after the other. Throws {@link DatabaseError}: `newer` where
 * the database has steps that this version does not know, `changed` where one is not as it was applied, `locked` where others
 * hold a table for a minute.
 */
export async function migrate(db: Database, migrations: readonly Migration[]): Promise<void> {
  const began = performance.now();
  for (let isDone = false; !isDone; ) {
    try {
      isDone = await db.transaction((sql) => applyNext(sql, migrations, db.where));
    } catch (error) {
      const isLocked = error instanceof DatabaseError && error.code === "locked";
      if (!isLocked || performance.now() - began > lockWithin) throw error;
      await sleep(lockPause);
    }
  }
}

/** Applies the first step that is not applied yet. @returns Whether none was left. */
export async function applyNext(sql: Sql, migrations: readonly Migration[], where: string): Promise<boolean> {
  await sql.script(`SET LOCAL lock_timeout = '${lockTimeout}'; SET LOCAL statement_timeout = 0`);
  await sql.query("SELECT pg_advisory_xact_lock($1)", [lockNumber]);
  await sql.script(table);
  const applied = await appliedMigrations(sql);
  refuseOthers(applied, migrations, where);
  const [next] = pendingOf(applied, migrations);
  if (next === undefined) return true;
  await sql.script(next.sql);
  await sql.query("INSERT INTO waybill_migration (id, digest) VALUES ($1, $2)", [next.id, digestOf(next)]);
  return false;
}

/** The steps that a database has, in the order in which they were applied; none where it was never migrated. */
export async function appliedMigrations(sql: Sql): Promise<readonly AppliedMigration[]> {
  const [found] = await sql.query<{ isThere: boolean }>(
    `SELECT to_regclass('waybill_migration') IS NOT NULL AS "isThere"`,
  );
  if (found?.isThere !== true) return [];
  return sql.query<AppliedMigration>("SELECT id, digest FROM waybill_migration ORDER BY applied_at, id");
}

/** The steps that are not applied yet. */
export function pendingOf(
  applied: readonly AppliedMigration[],
  migrations: readonly Migration[],
): readonly Migration[] {
  const done = new Set(applied.map(({ id }) => id));
  return migrations.filter(({ id }) => !done.has(id));
}

/** Throws {@link DatabaseError} where steps were applied that are not of this version. */
export function refuseOthers(
  applied: readonly AppliedMigration[],
  migrations: readonly Migration[],
  where: string,
): void {
  const own = new Map(migrations.map((step) => [step.id, digestOf(step)]));
  const unknown = applied.filter(({ id }) => !own.has(id)).map(({ id }) => id);
  if (unknown.length > 0) {
    const message = phrase`the database is of a newer version of Waybill: it has ${unknown.join(", ")}`;
    throw new DatabaseError("newer", message, {
      where,
      hint: "run that version, or restore a backup that was made before it ran",
    });
  }
  const changed = applied.find(({ id, digest }) => own.get(id) !== digest);
  if (changed === undefined) return;
  throw new DatabaseError(
    "changed",
    phrase`step ${changed.id} of the schema is not the one that was applied`,
    {
      where,
      hint: "run the version that applied it: a step is never changed after its release",
    },
  );
}

function digestOf({ sql }: Migration): string {
  return createHash("sha256").update(sql).digest("hex");
}
