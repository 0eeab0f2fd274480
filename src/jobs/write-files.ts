import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { harmless, messageOf } from "../errors/index.ts";
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
 * written when one says something else.
 * @returns the files, in the order of the jobs.
 * @throws {JobsError} `file-exists`, `jobs-unwritable`.
 */
export async function writeJobs(folder: string, jobs: readonly JobToWrite[]): Promise<readonly string[]> {
  const files = jobs.map(({ job, comment }) => ({
    file: join(folder, `${job.name}.yaml`),
    text: `# ${harmless(comment)}\n${formatJob(job)}`,
  }));
  const missing: typeof files = [];
  for (const { file, text } of files) {
    const there = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw unwritable(file, error);
    });
    if (there === undefined) missing.push({ file, text });
    else if (there !== text) {
      throw new JobsError("file-exists", "a file is there already, and says something else", {
        where: file,
        hint: "name another folder, or remove the file",
      });
    }
  }
  try {
    await mkdir(folder, { recursive: true });
    for (const { file, text } of missing) await writeFile(file, text, { flag: "wx" });
  } catch (error) {
    throw unwritable(folder, error);
  }
  return files.map(({ file }) => file);
}

function unwritable(where: string, cause: unknown): JobsError {
  return new JobsError("jobs-unwritable", messageOf(cause), { where, cause });
}
