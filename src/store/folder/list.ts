import pLimit from "p-limit";
import { RunError } from "../errors.ts";
import type { RunPage, RunQuery } from "../model.ts";
import { isJobName, jobAndId } from "../prow/places.ts";
import { newestFirst } from "../prow/snowflake.ts";
import { readRun } from "./read-run.ts";
import { newestIds } from "./shelf.ts";
import { jobsIn, type Shelved, shelvedRun } from "./shelves.ts";

/** Records that are read at the same time. */
const atOnce = 32;

type RunName = Pick<Shelved, "job" | "id">;

/** Runs of a job, or of all jobs, newest first. @throws {RunError} `unknown-run`. */
export async function listRuns(store: string, { job, limit, after }: RunQuery): Promise<RunPage> {
  const jobs = job === undefined ? await jobsIn(store) : isJobName(job) ? [job] : [];
  const shelved = await newestRuns(store, jobs, limit + 1, after === undefined ? undefined : cursorOf(after));
  const shown = shelved.slice(0, limit);
  const runs = await pLimit(atOnce).map(shown, ({ folder }) => readRun(folder));
  const last = shown.at(-1);
  const isWhole = last === undefined || shelved.length <= limit;
  return { runs, next: isWhole ? undefined : `${last.job}/${last.id}` };
}

/** The newest run of a job. */
export async function newestOf(store: string, job: string): Promise<Shelved | undefined> {
  return (await newestRuns(store, [job], 1, undefined))[0];
}

async function newestRuns(
  store: string,
  jobs: readonly string[],
  count: number,
  after: RunName | undefined,
): Promise<Shelved[]> {
  const found: Shelved[] = [];
  for (let cursor = after; found.length < count; ) {
    const names = await namesBehind(store, jobs, count - found.length, cursor);
    cursor = names.at(-1);
    if (cursor === undefined) break;
    const runs = await pLimit(atOnce).map(names, ({ job, id }) => shelvedRun(store, job, id));
    // One that was removed is still on the list of its job where others keep that.
    found.push(...runs.filter((run) => run !== undefined));
  }
  return found;
}

/** Names of the newest runs behind one, of all jobs together. */
async function namesBehind(
  store: string,
  jobs: readonly string[],
  count: number,
  after: RunName | undefined,
): Promise<RunName[]> {
  const lists = jobs.map(async (job) => {
    // Ids that were counted, as Prow did once, are those of several jobs.
    const before = after === undefined ? undefined : { id: after.id, isIncluded: job > after.job };
    return (await newestIds(store, job, count, before)).map((id) => ({ job, id }));
  });
  const names = (await Promise.all(lists)).flat();
  names.sort((a, b) => newestFirst(a.id, b.id) || (a.job < b.job ? -1 : 1));
  return names.slice(0, count);
}

function cursorOf(after: string): RunName {
  const name = jobAndId(after);
  if (name !== undefined) return name;
  throw new RunError("unknown-run", `${JSON.stringify(after.slice(0, 200))} is no JOB/ID`, {
    hint: "a page says after which run the next one begins",
  });
}
