import { nearest } from "../../diagnostics/index.ts";
import { harmless } from "../../errors/index.ts";
import { RunError } from "../errors.ts";
import { isJobName, jobAndId } from "../prow/places.ts";
import { isRunId } from "../prow/snowflake.ts";
import type { Context } from "./context.ts";
import { type RecordRow, recordColumns } from "./rows.ts";

/** The row of the run that a name means. @throws {RunError} `unknown-run`. */
export async function findRow(context: Context, name: string): Promise<RecordRow> {
  const found = await lookUp(context, name);
  if (found === undefined) throw await unknownRun(context, name);
  return found;
}

async function lookUp({ db, objects }: Context, name: string): Promise<RecordRow | undefined> {
  const one = async (condition: string, ...values: string[]) =>
    (await db.query<RecordRow>(`SELECT ${recordColumns} FROM run_record WHERE ${condition}`, values))[0];
  const both = jobAndId(name);
  if (both !== undefined && fits(both.id)) return one("id = $1 AND job = $2", both.id, both.job);
  if (isRunId(name) && fits(name)) {
    const found = await one("id = $1", name);
    if (found !== undefined) return found;
  }
  if (isJobName(name)) return one("job = $1 ORDER BY id DESC LIMIT 1", name);
  const place = name.startsWith(`${objects.where}/`) ? name.slice(objects.where.length + 1) : name;
  const [id = ""] = place.replace(/\/$/, "").split("/").slice(-1);
  return isRunId(id) && fits(id) ? one("id = $1 AND place = $2", id, place.replace(/\/$/, "")) : undefined;
}

/** Whether an id may be one of the table. */
export function fits(id: string): boolean {
  return BigInt(id) < 1n << 63n;
}

async function unknownRun(context: Context, name: string): Promise<RunError> {
  const shown = harmless(name.slice(0, 200));
  return new RunError("unknown-run", `there is no run ${JSON.stringify(shown)}`, {
    where: context.objects.where,
    hint: await adviceFor(context, shown),
  });
}

async function adviceFor(context: Context, name: string): Promise<string> {
  const jobs = await jobsOf(context);
  if (jobs.length === 0) return "no run is recorded there yet";
  const [job = "", ...more] = name.split("/");
  const near = nearest(job, jobs);
  if (near === undefined) {
    return `there are runs of ${jobs.slice(0, 8).join(", ")}${jobs.length > 8 ? ", …" : ""}`;
  }
  if (more.length === 0 && near !== job) return `did you mean ${near}?`;
  const [newest] = await context.db.query<{ id: string }>(
    "SELECT id FROM run_record WHERE job = $1 ORDER BY id DESC LIMIT 1",
    [near],
  );
  return newest === undefined
    ? `${near} has no runs any more`
    : `the newest run of ${near} is ${near}/${newest.id}`;
}

/** Jobs that there are runs of, by name: from one to the next in the index, however many runs each has. */
export async function jobsOf({ db }: Pick<Context, "db">): Promise<readonly string[]> {
  const rows = await db.query<{ job: string }>(
    `WITH RECURSIVE jobs AS (
       SELECT min(job) AS job FROM run_record
       UNION ALL
       SELECT (SELECT min(job) FROM run_record WHERE job > jobs.job) FROM jobs WHERE jobs.job IS NOT NULL
     ) SELECT job FROM jobs WHERE job IS NOT NULL`,
  );
  return rows.map(({ job }) => job);
}
