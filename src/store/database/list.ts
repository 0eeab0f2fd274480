import { RunError } from "../errors.ts";
import type { RunPage } from "../model.ts";
import { jobAndId } from "../prow/places.ts";
import type { Context } from "./context.ts";
import { fits } from "./find.ts";
import type { RecordQuery } from "./model.ts";
import { type RecordRow, recordColumns, recordOf } from "./rows.ts";

/** A page of runs: each combination of what is asked for has an index in the order of ids. @throws {RunError} `unknown-run`. */
export async function listRuns(
  { db, objects }: Context,
  { job, result, after, limit }: RecordQuery,
): Promise<RunPage> {
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const where = (condition: string, value: string): void => {
    values.push(value);
    conditions.push(`${condition} $${values.length}`);
  };
  if (job !== undefined) where("job =", job);
  if (result !== undefined) where("result =", result);
  if (after !== undefined) where("id <", cursorOf(after));
  const filter = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const rows = await db.query<RecordRow>(
    `SELECT ${recordColumns} FROM run_record ${filter} ORDER BY id DESC LIMIT $${values.length + 1}`,
    [...values, limit + 1],
  );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const isWhole = last === undefined || rows.length <= limit;
  return {
    runs: shown.map((row) => recordOf(row, objects.where)),
    next: isWhole ? undefined : `${last.job}/${last.id}`,
  };
}

function cursorOf(after: string): string {
  const name = jobAndId(after);
  if (name !== undefined && fits(name.id)) return name.id;
  throw new RunError("unknown-run", `${JSON.stringify(after.slice(0, 200))} is no JOB/ID`, {
    hint: "a page says after which run the next one begins",
  });
}
