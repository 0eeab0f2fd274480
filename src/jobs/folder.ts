import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { didYouMean, formatPlace, inLines, placeOf } from "../diagnostics/index.ts";
import { type FailureDetails, messageOf } from "../errors/index.ts";
import { readTextFileOf } from "../manifest/index.ts";
import { JobsError } from "./errors.ts";
import { type JobSurroundings, joined, judgeJobs } from "./judge-jobs.ts";
import type { JobDiagnostic, LocatedJob } from "./model.ts";
import { type JobList, parseJobs } from "./read.ts";

/**
 * Reads all jobs of a folder: its files that end with `.yaml` or `.yml`, none below. A file that cannot be read is a
 * diagnostic of its own.
 * @throws {JobsError} `jobs-unreadable` when the folder cannot be read.
 */
export async function readJobs(folder: string): Promise<JobList> {
  const lists: JobList[] = [];
  for (const file of await filesIn(folder)) lists.push(await readJobFile(file));
  return judgeJobs(joined(lists));
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    const missing = cause.code === "ENOENT";
    throw new JobsError("jobs-unreadable", missing ? "there is no folder of jobs" : messageOf(cause), {
      where: folder,
      hint: "name it with --jobs-dir",
      cause,
    });
  });
  return names
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

async function readJobFile(file: string): Promise<JobList> {
  const text = await readTextFileOf(file);
  if (typeof text === "string") return parseJobs(text, file);
  const { code, message, hint } = text;
  return { jobs: [], diagnostics: [{ code, severity: "error", message, hint, file }] };
}

/** What is wrong with job files. */
export interface JobCheck {
  /** As it was asked for. */
  readonly path: string;
  readonly files: number;
  /** Jobs that are right. */
  readonly jobs: number;
  /** All that was found, remarks as well. */
  readonly diagnostics: readonly JobDiagnostic[];
}

/**
 * Checks a folder of job files, each and together; or one of them, which is judged together with the others of its folder.
 * @throws {JobsError} `jobs-unreadable` when there is no such folder or file.
 */
export async function checkJobFiles(path: string, surroundings: JobSurroundings = {}): Promise<JobCheck> {
  const isFile = await stat(path).then(
    (found) => !found.isDirectory(),
    () => false,
  );
  const folder = isFile ? dirname(path) : path;
  const named = new Set(await filesIn(folder));
  if (isFile) named.add(join(folder, basename(path)));
  const lists = await Promise.all([...named].map(readJobFile));
  const { jobs, diagnostics } = judgeJobs(joined(lists), surroundings);
  const isMeant = ({ file }: { readonly file: string }): boolean =>
    !isFile || file === join(folder, basename(path));
  return {
    path,
    files: isFile ? 1 : named.size,
    jobs: jobs.filter(isMeant).length,
    diagnostics: diagnostics.filter(isMeant),
  };
}

/** The text of a file of jobs. @throws {JobsError} `jobs-unreadable`. */
export async function readBounded(file: string): Promise<string> {
  const text = await readTextFileOf(file);
  if (typeof text === "string") return text;
  throw new JobsError("jobs-unreadable", text.message, { where: file, hint: text.hint });
}

/**
 * The job of a name.
 * @throws {JobsError} `unknown-job` with the nearest name, `job-invalid` when the job is there and something is wrong with it,
 * `jobs-unreadable` when it is not there, and may be in what could not be read.
 */
export function findJob({ jobs, diagnostics }: JobList, name: string): LocatedJob {
  const found = jobs.find(({ job }) => job.name === name);
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  const faults = errors.filter(({ job }) => job === name);
  if (faults.length > 0) throw new JobsError("job-invalid", ...inOneFailure(faults));
  if (found !== undefined) return found;
  const names = jobs.map(({ job }) => job.name);
  const hint = didYouMean(name, names) ?? "see which there are: waybill jobs";
  const absent = `there is no job ${JSON.stringify(name.slice(0, 80))}`;
  const unread = errors.filter(({ job }) => job === undefined);
  if (unread.length === 0) throw new JobsError("unknown-job", absent, { hint });
  const [why, { where }] = inOneFailure(unread);
  throw new JobsError("jobs-unreadable", `${absent} in what could be read: ${why}`, { where, hint });
}

function inOneFailure([first, ...more]: readonly JobDiagnostic[]): [message: string, FailureDetails] {
  const others = inLines(more).map((line) => `\n  ${line}`);
  const where = first && formatPlace(placeOf(first));
  return [`${first?.message}${others.join("")}`, { where, hint: first?.hint }];
}
