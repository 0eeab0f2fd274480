import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { closest, distance } from "fastest-levenshtein";
import { messageOf } from "../errors/index.ts";
import { readTextFileOf } from "../manifest/index.ts";
import { JobsError } from "./errors.ts";
import type { JobProblem, LocatedJob } from "./model.ts";
import { type JobList, parseJobs, withoutRepeated } from "./read.ts";

/**
 * Reads all jobs of a folder: its files that end with `.yaml` or `.yml`, none below. A file that cannot be read is a
 * problem of its own.
 * @throws {JobsError} `jobs-unreadable` when the folder cannot be read.
 */
export async function readJobs(folder: string): Promise<JobList> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    const missing = cause.code === "ENOENT";
    throw new JobsError("jobs-unreadable", missing ? "there is no folder of jobs" : messageOf(cause), {
      where: folder,
      hint: "name it with --jobs-dir",
      cause,
    });
  });
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  const lists: JobList[] = [];
  for (const name of files) lists.push(await readJobFile(join(folder, name)));
  return withoutRepeated({
    jobs: lists.flatMap(({ jobs }) => jobs),
    problems: lists.flatMap(({ problems }) => problems),
  });
}

async function readJobFile(file: string): Promise<JobList> {
  try {
    return parseJobs(await readBounded(file), file);
  } catch (error) {
    if (!(error instanceof JobsError)) throw error;
    return { jobs: [], problems: [{ file, line: 1, column: 1, message: error.message }] };
  }
}

/** The text of a file of jobs. @throws {JobsError} `jobs-unreadable`. */
export async function readBounded(file: string): Promise<string> {
  const text = await readTextFileOf(file);
  if (typeof text === "string") return text;
  throw new JobsError("jobs-unreadable", text.message, { where: file, hint: text.hint });
}

/**
 * The job of a name.
 * @throws {JobsError} `unknown-job` with the nearest name, `job-invalid` when the job is there and something is wrong with it.
 */
export function findJob({ jobs, problems }: JobList, name: string): LocatedJob {
  const found = jobs.find(({ job }) => job.name === name);
  const [problem, ...more] = problems.filter(({ job }) => job === name);
  if (problem !== undefined) {
    const others = more.map((other) => `\n  ${placeOf(other)}: ${other.message}`).join("");
    const hint = problem.hint === undefined ? {} : { hint: problem.hint };
    throw new JobsError("job-invalid", `${problem.message}${others}`, { where: placeOf(problem), ...hint });
  }
  if (found !== undefined) return found;
  const names = jobs.map(({ job }) => job.name);
  const near = names.length === 0 ? undefined : closest(name, names);
  const isNear = near !== undefined && distance(name, near) <= 2 + near.length / 4;
  throw new JobsError("unknown-job", `there is no job ${JSON.stringify(name.slice(0, 80))}`, {
    hint: isNear ? `did you mean ${near}?` : "waybill jobs lists them",
  });
}

/** Where a problem is: `file:line:column`. */
export function placeOf({ file, line, column }: JobProblem): string {
  return `${file}:${line}:${column}`;
}
