import { join } from "node:path";
import { createFiles, diskFaultOf, errorCodeOf, type NewFile, readRegular } from "../disk/index.ts";
import { harmless } from "../errors/index.ts";
import { JobsError } from "./errors.ts";
import type { Job } from "./model.ts";
import { formatJob } from "./write.ts";

/** A job to be written, and a line that says where it comes from. */
export interface JobToWrite {
  readonly job: Job;
  readonly comment: string;
}

/**
 * Writes each job into a file of its own, named after it. Files that say the same already are left alone; nothing is
 * written when one says something else, and nothing stays when one cannot be written.
 * @returns the files, in the order of the jobs.
 * @throws {JobsError} `file-exists`, `jobs-unwritable`.
 */
export async function writeJobs(folder: string, jobs: readonly JobToWrite[]): Promise<readonly string[]> {
  const files = jobs.map(({ job, comment }) => ({
    path: join(folder, `${job.name}.yaml`),
    text: `# ${harmless(comment)}\n${formatJob(job)}`,
  }));
  const missing: NewFile[] = [];
  for (const { path, text } of files) {
    const there = await whatIsAt(path, Buffer.byteLength(text));
    if (there === undefined) missing.push({ path, text });
    else if (there !== text) {
      throw new JobsError("file-exists", "a file is there already, and says something else", {
        where: path,
        hint: "name another folder, or remove the file",
      });
    }
  }
  try {
    await createFiles(missing);
  } catch (error) {
    throw unwritable(folder, error);
  }
  return files.map(({ path }) => path);
}

/** The text of a file; of what is none, or longer, that it is something else. */
async function whatIsAt(path: string, length: number): Promise<string | "something else" | undefined> {
  try {
    return (await readRegular(path, length)).toString();
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "ENOENT") return undefined;
    if (code === "EFBIG" || code === "EFTYPE" || code === "ENXIO") return "something else";
    throw unwritable(path, error);
  }
}

function unwritable(where: string, cause: unknown): JobsError {
  const { message, hint } = diskFaultOf(cause);
  return new JobsError("jobs-unwritable", message, { where, hint, cause });
}
