import { harmless } from "../../errors/index.ts";
import { RunError } from "../errors.ts";
import type { RunRefs, RunRequest } from "../model.ts";
import { isRunId } from "./snowflake.ts";

/** Prow's rule for the names of jobs, and of folders. Those that mean another folder are none. */
const name = /^(?!\.{1,2}$)[A-Za-z0-9\-._]{1,200}$/;

/** @throws {RunError} `invalid-job-name` */
export function checkJobName(job: string): void {
  if (isJobName(job)) return;
  throw new RunError(
    "invalid-job-name",
    `${JSON.stringify(harmless(job.slice(0, 80)))} cannot be the name of a job`,
    { hint: "a job's name has letters, digits, hyphens, dots and underscores, 200 at most" },
  );
}

/** Whether a text may be the name of a job. */
export function isJobName(text: string): boolean {
  return name.test(text);
}

/** Where a run's files belong, from the top of the store, with slashes as in a bucket. */
export function placeOfRun({ type, job, refs }: RunRequest, id: string): string {
  switch (type) {
    case "postsubmit":
    case "periodic":
      return `logs/${job}/${id}`;
    case "batch":
      return `pr-logs/pull/batch/${job}/${id}`;
    case "presubmit":
      return `pr-logs/pull/${folderOfRepository(refs)}/${numberOfPull(refs)}/${job}/${id}`;
  }
}

/** The folder that says which run of a job is the newest, and for runs of pull requests where each is. */
export function directoryOfJob({ type, job }: Pick<RunRequest, "type" | "job">): string {
  return type === "postsubmit" || type === "periodic" ? `logs/${job}` : `pr-logs/directory/${job}`;
}

/** The same for a run by its place. */
export function directoryOfPlace(place: string, job: string): string {
  return place.startsWith("logs/") ? `logs/${job}` : `pr-logs/directory/${job}`;
}

/** What a file `pr-logs/directory/JOB/ID.txt` says, from the top of the store; `undefined` when it leads elsewhere. */
export function placeInPointer(text: string, job: string, id: string): string | undefined {
  const place = text.trim().replace(/^gs:\/\/[^/]+\//, "");
  const parts = place.split("/");
  const fits =
    /^(pr-logs\/pull|logs)\//.test(place) &&
    parts.length <= 12 &&
    parts.every((part) => name.test(part)) &&
    parts.at(-1) === id &&
    parts.at(-2) === job;
  return fits ? place : undefined;
}

/** `JOB/ID`, when a text is that. */
export function jobAndId(text: string): { job: string; id: string } | undefined {
  const [job = "", id = "", ...more] = text.split("/");
  return more.length === 0 && isJobName(job) && isRunId(id) ? { job, id } : undefined;
}

function folderOfRepository(refs: RunRefs | undefined): string {
  const folder = refs && `${refs.org}_${refs.repo}`;
  if (folder !== undefined && name.test(folder)) return folder;
  throw new RunError(
    "invalid-refs",
    refs === undefined
      ? "a run for a pull request has refs"
      : `${harmless(`${refs.org}/${refs.repo}`)} makes no folder's name`,
    { hint: "an organization and a repository have letters, digits, hyphens, dots and underscores" },
  );
}

function numberOfPull(refs: RunRefs | undefined): number {
  const number = refs?.pulls?.[0]?.number;
  if (number !== undefined && Number.isSafeInteger(number) && number >= 0) return number;
  throw new RunError("invalid-refs", "a run for a pull request has the pull request in its refs");
}
