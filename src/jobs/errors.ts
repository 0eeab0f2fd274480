import { WaybillError } from "../errors/index.ts";

/** Why a job could not be used, or Prow's file not be read. */
export type JobsErrorCode =
  | "jobs-unreadable"
  | "job-invalid"
  | "unknown-job"
  | "file-exists"
  | "jobs-unwritable"
  | "turn-unavailable";

/** What is wrong with a job, or with the files of jobs. */
export class JobsError extends WaybillError<JobsErrorCode> {
  override readonly name = "JobsError";
}
