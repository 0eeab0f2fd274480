import { basename, dirname, join, resolve } from "node:path";
import { distance } from "fastest-levenshtein";
import { harmless } from "../errors/index.ts";
import { RunError } from "./errors.ts";
import { isFolder } from "./files.ts";
import type { RecordedRun } from "./model.ts";
import { isJobName, jobAndId } from "./places.ts";
import { readRun } from "./read-run.ts";
import { jobsIn, runsOf, type Shelved, shelvedRun } from "./shelves.ts";
import { isRunId, newestFirst } from "./snowflake.ts";

/** Records that are read at the same time. */
const atOnce = 32;

/** Runs of a job, or of all jobs, newest first. */
export async function listRuns(store: string, job?: string): Promise<RecordedRun[]> {
  const jobs = job === undefined ? await jobsIn(store) : isJobName(job) ? [job] : [];
  const shelved = (await Promise.all(jobs.map((name) => runsOf(store, name)))).flat();
  shelved.sort((a, b) => newestFirst(a.id, b.id) || (a.job < b.job ? -1 : 1));
  const runs: RecordedRun[] = [];
  for (let at = 0; at < shelved.length; at += atOnce) {
    const part = shelved.slice(at, at + atOnce);
    runs.push(...(await Promise.all(part.map(({ folder }) => readRun(folder)))));
  }
  return runs;
}

/** The run that a name means. @throws {RunError} `unknown-run`. */
export async function findRun(store: string, name: string): Promise<RecordedRun> {
  const found = (await findShelved(store, name)) ?? (await folderNamed(store, name));
  if (found === undefined) throw await unknownRun(store, name);
  return readRun(found);
}

async function findShelved(store: string, name: string): Promise<string | undefined> {
  const both = jobAndId(name);
  if (both !== undefined) return (await shelvedRun(store, both.job, both.id))?.folder;
  if (isRunId(name)) {
    const jobs = await jobsIn(store);
    const found = await Promise.all(jobs.map((job) => shelvedRun(store, job, name)));
    const first = found.find((run) => run !== undefined);
    if (first !== undefined) return first.folder;
  }
  return isJobName(name) ? newestOf(await runsOf(store, name))?.folder : undefined;
}

/** A path, from the working directory or from the top of the store on. */
async function folderNamed(store: string, name: string): Promise<string | undefined> {
  for (const path of [resolve(name), resolve(join(store, name))]) {
    const looksLikeRun = isRunId(basename(path)) && isJobName(basename(dirname(path)));
    if (looksLikeRun && (await isFolder(path))) return path;
  }
  return undefined;
}

function newestOf(runs: readonly Shelved[]): Shelved | undefined {
  return runs.toSorted((a, b) => newestFirst(a.id, b.id))[0];
}

async function unknownRun(store: string, name: string): Promise<RunError> {
  const shown = harmless(name.slice(0, 200));
  return new RunError("unknown-run", `there is no run ${JSON.stringify(shown)}`, {
    where: store,
    hint: await adviceFor(store, shown),
  });
}

async function adviceFor(store: string, name: string): Promise<string> {
  const jobs = await jobsIn(store);
  if (jobs.length === 0) return "no run is recorded there yet; another data folder may be meant";
  const [job = "", ...more] = name.split("/");
  const far = (known: string) => distance(job.slice(0, 100), known.slice(0, 100));
  const [near = ""] = jobs.toSorted((a, b) => far(a) - far(b));
  if (far(near) > 1 + near.length / 4) {
    return `there are runs of ${jobs.slice(0, 8).join(", ")}${jobs.length > 8 ? ", …" : ""}`;
  }
  const newest = newestOf(await runsOf(store, near));
  if (newest === undefined) return `${near} has no runs any more`;
  return more.length === 0 && far(near) > 0
    ? `did you mean ${near}?`
    : `the newest run of ${near} is ${near}/${newest.id}`;
}
