import type { Sql } from "../database/index.ts";
import { badHealths } from "./health.ts";
import type { ProductionLook } from "./model.ts";

/** How long the hours and the days of the past are kept, and the attempts that are in them. */
const kept = { hour: "14 days", day: "3 years", counted: "30 days" } as const;

/** What an hour and a day is in a statement, of the time that stands in `$1`. */
const grains = `(VALUES ('hour', date_trunc('hour', $1::timestamptz AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'),
  ('day', date_trunc('day', $1::timestamptz AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')) AS grains (grain, at)`;

/** Whether an attempt was not counted yet: it is from then on. */
export async function countOnce(
  sql: Sql,
  what: "look" | "traffic",
  { run, attempt }: { readonly run: string; readonly attempt: number },
): Promise<boolean> {
  await sql.query(`DELETE FROM production_counted WHERE at < now() - interval '${kept.counted}'`);
  const rows = await sql.query(
    `INSERT INTO production_counted (what, run_id, attempt, at) VALUES ($1, $2, $3, now()) ON CONFLICT DO NOTHING RETURNING 1 AS one`,
    [what, run, attempt],
  );
  return rows.length > 0;
}

/** Adds a look to the hour and the day in which it began: what it has promoted is added, and how production is now stands for both. */
export async function sampleLook(
  sql: Sql,
  tree: number,
  { began, isWhole, promoted }: ProductionLook,
): Promise<void> {
  const columns = ["edges", ...badHealths];
  await sql.query(
    `INSERT INTO production_sample (tree, grain, at, looks, promoted_images, promoted_edges, ${columns.join(", ")})
     SELECT $2, grain, grains.at, $3, $4, $5, ${columns.map((column) => `coalesce(now.${column}, 0)`).join(", ")}
     FROM ${grains}, (SELECT ${columns.map((column) => `sum(${column})::int AS ${column}`).join(", ")}
       FROM production_cell WHERE tree = $2) AS now
     ON CONFLICT (tree, grain, at) DO UPDATE SET looks = production_sample.looks + excluded.looks,
       promoted_images = production_sample.promoted_images + excluded.promoted_images,
       promoted_edges = production_sample.promoted_edges + excluded.promoted_edges,
       ${columns.map((column) => `${column} = excluded.${column}`).join(", ")}`,
    [began, tree, isWhole ? 1 : 0, promoted.images, promoted.edges],
  );
  await forget(sql, "production_sample");
}

/** Takes out what is older than it is kept. */
export async function forget(sql: Sql, table: "production_sample" | "host_sample"): Promise<void> {
  for (const grain of ["hour", "day"] as const) {
    await sql.query(`DELETE FROM ${table} WHERE grain = $1 AND at < now() - interval '${kept[grain]}'`, [
      grain,
    ]);
  }
}

export { grains };
