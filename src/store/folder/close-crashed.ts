import { join } from "node:path";
import { endedProwJob, finishedDocument, textOf } from "./documents.ts";
import { replaceFile } from "./files.ts";
import { hasFinished, lastSignOfLife, readObject, readRun, recordFiles } from "./read-run.ts";
import type { HeldShelf } from "./shelf.ts";
import { shelvedRun } from "./shelves.ts";

/**
 * Gives runs of a job whose process has ended without a last word the end they lack, so that nobody waits for them. Runs
 * of other machines, of which nothing is known, stay as they are; so do those that this user may not write.
 */
export async function closeCrashed(store: string, job: string, shelf: HeldShelf): Promise<void> {
  for (const id of await shelf.unfinished()) {
    const run = await shelvedRun(store, job, id);
    const isOver =
      run === undefined || (await hasFinished(run.folder)) || (await closeIfCrashed(store, run.folder));
    if (isOver) await shelf.markOver(id);
  }
}

async function closeIfCrashed(store: string, folder: string): Promise<boolean> {
  if ((await readRun(folder)).result !== "CRASHED") return false;
  return close(store, folder).then(
    () => true,
    () => false,
  );
}

async function close(store: string, folder: string): Promise<void> {
  const run = await readRun(folder);
  const at = (await lastSignOfLife(folder)) ?? run.startedAt ?? new Date();
  const path = join(folder, recordFiles.prowJob);
  const prowJob = await readObject(path);
  if (prowJob !== undefined) await replaceFile(store, path, textOf(endedProwJob(prowJob, "ABORTED", at)));
  const metadata = { reason: "the process that did the run ended without a last word" };
  const finished = finishedDocument({ result: "ABORTED", metadata }, run, at);
  await replaceFile(store, join(folder, recordFiles.finished), textOf(finished));
}
