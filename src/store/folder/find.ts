import { basename, dirname, join, resolve } from "node:path";
import { nearest } from "../../diagnostics/index.ts";
import { harmless } from "../../errors/index.ts";
import { RunError } from "../errors.ts";
import { isJobName, jobAndId } from "../prow/places.ts";
import { isRunId } from "../prow/snowflake.ts";
import { isFolder } from "./files.ts";
import { newestOf } from "./list.ts";
import { jobsIn, shelvedRun } from "./shelves.ts";

/** The folder of the run that a name means. @throws {RunError} `unknown-run`. */
export async function findRun(store: string, name: string): Promise<string> {
  const found = (await findShelved(store, name)) ?? (await folderNamed(store, name));
  if (found === undefined) throw await unknownRun(store, name);
  return found;
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
  return isJobName(name) ? (await newestOf(store, name))?.folder : undefined;
}

/** A path, from the working directory or from the top of the store on. */
async function folderNamed(store: string, name: string): Promise<string | undefined> {
  for (const path of [resolve(name), resolve(join(store, name))]) {
    const looksLikeRun = isRunId(basename(path)) && isJobName(basename(dirname(path)));
    if (looksLikeRun && (await isFolder(path))) return path;
  }
  return undefined;
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
  const near = nearest(job, jobs);
  if (near === undefined) {
    return `there are runs of ${jobs.slice(0, 8).join(", ")}${jobs.length > 8 ? ", …" : ""}`;
  }
  const newest = await newestOf(store, near);
  if (newest === undefined) return `${near} has no runs any more`;
  return more.length === 0 && near !== job
    ? `did you mean ${near}?`
    : `the newest run of ${near} is ${near}/${newest.id}`;
}
