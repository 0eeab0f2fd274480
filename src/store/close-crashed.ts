import { join } from "node:path";
import { endedProwJob, finishedDocument, textOf } from "./documents.ts";
import { replaceFile } from "./files.ts";
import { hasCrashed, lastSignOfLife, readObject, readRun, recordFiles } from "./read-run.ts";
import { runsOf } from "./shelves.ts";

/**
 * Gives runs of a job whose process has ended without a last word the end they lack, so that nobody waits for them. Runs
 * of other machines, of which nothing is known, stay as they are; so do those that this user may not write.
 */
export async function closeCrashed(store: string, job: string): Promise<void> {
  for (const { folder } of await runsOf(store, job)) {
    if (await hasCrashed(folder)) await close(store, folder).catch(() => undefined);
  }
}

async function close(store: string, folder: string): Promise<void> {
  const run = await readRun(folder);
  const at = (await lastSignOfLife(folder)) ?? run.startedAt ?? new Date();
  const path = join(folder, recordFiles.prowJob);
  const prowJob = await readObject(path);
  if (prowJob !== undefined) await replaceFile(store, path, textOf(endedProwJob(prowJob, "ABORTED", at)));
  const metadata = { reason: "the process that did the run ended without a last word" };
  const finished = finishedDocument({ result: "ABORTED", metadata }, run.refs, at);
  await replaceFile(store, join(folder, recordFiles.finished), textOf(finished));
}
