import { randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bootMark, createFile, flushFolder, makeFolder, processMark } from "../../disk/index.ts";
import { recordFailure } from "../errors.ts";
import type { Run, RunRequest } from "../model.ts";
import { endedProwJob, finishedDocument, prowJob, startedDocument, textOf } from "../prow/documents.ts";
import { directoryOfJob, placeOfRun } from "../prow/places.ts";
import { recordFiles } from "../prow/record.ts";
import { isRunId, newestFirst, snowflake } from "../prow/snowflake.ts";
import { claimFolder, readSmall, replaceFile, sweepUnfinished, unfinished } from "./files.ts";
import { openRun } from "./open-run.ts";
import { folderOfPlace } from "./paths.ts";
import { hasFinished, lastSignOfLife, readObject, readRun } from "./read-run.ts";
import { type HeldShelf, holdingShelf, markOver } from "./shelf.ts";
import { jobsIn, shelvedRun } from "./shelves.ts";

/** Begins a run. The request has been checked. @throws {RunError} `run-unwritable`. */
export async function startRun(store: string, request: RunRequest, clock: () => Date): Promise<Run> {
  const startedAt = clock();
  const uuid = randomUUID();
  try {
    await sweepUnfinished(store);
    const { id, draft } = await claimId(store, startedAt);
    try {
      await fillDraft(draft, request, { name: uuid, id, startedAt });
      const folder = await holdingShelf(store, request.job, async (shelf) => {
        await closeCrashed(store, request.job, shelf);
        return shelve(store, request, { id, draft }, shelf);
      });
      return openRun({ store, request, id, uuid, folder, startedAt, clock });
    } catch (error) {
      await rm(draft, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
  } catch (error) {
    throw recordFailure(error, store);
  }
}

/** Makes a claimed run visible, as its job's newest unless a newer one is there. @returns Its folder. */
async function shelve(
  store: string,
  request: RunRequest,
  { id, draft }: Claim,
  shelf: HeldShelf,
): Promise<string> {
  const place = placeOfRun(request, id);
  const folder = folderOfPlace(store, place);
  const directory = directoryOfJob(request);
  await shelf.markOpen(id);
  // Before the claim is given up, so that the id is seen to be taken.
  if (!place.startsWith(`${directory}/`)) {
    await replaceFile(store, join(folderOfPlace(store, directory), `${id}.txt`), place);
  }
  await makeFolder(dirname(folder));
  // One step makes all of it visible, and gives the claim up.
  await rename(draft, folder);
  await flushFolder(dirname(folder));
  const latest = join(folderOfPlace(store, directory), "latest-build.txt");
  const noted = (await readSmall(latest, 64))?.trim() ?? "";
  // Readers find other runs by going back from there.
  if (!isRunId(noted) || newestFirst(noted, id) > 0) await shelf.replace(latest, id);
  await shelf.note(id);
  return folder;
}

/** An id that is taken, and the folder where its record is prepared. */
interface Claim {
  readonly id: string;
  readonly draft: string;
}

/**
 * An id that no other run of the store has, and a folder where its record is prepared. The folder is the claim: only one
 * process can make it. Runs that came out of theirs are on their shelves by then, where they are looked for second.
 */
async function claimId(store: string, time: Date): Promise<Claim> {
  const claims = join(store, unfinished);
  await makeFolder(claims);
  for (let at = 0; ; at += 1) {
    const id = snowflake(time.getTime(), at);
    const draft = join(claims, id);
    if (!(await claimFolder(draft))) continue;
    if (!(await isTaken(store, id))) return { id, draft };
    await rm(draft, { recursive: true, force: true });
  }
}

async function isTaken(store: string, id: string): Promise<boolean> {
  const found = await Promise.all((await jobsIn(store)).map((job) => shelvedRun(store, job, id)));
  return found.some((run) => run !== undefined);
}

async function fillDraft(
  draft: string,
  request: RunRequest,
  facts: { name: string; id: string; startedAt: Date },
): Promise<void> {
  const runner = { process: processMark(), boot: bootMark() };
  const started = startedDocument(request, facts.startedAt, runner);
  await createFile(join(draft, recordFiles.started), textOf(started));
  await createFile(join(draft, recordFiles.prowJob), textOf(prowJob(request, facts)));
  await createFile(join(draft, recordFiles.log), "");
  await mkdir(join(draft, recordFiles.artifacts));
  await flushFolder(draft);
}

/**
 * Gives runs of a job whose process has ended without a last word the end they lack, so that nobody waits for them. Runs
 * of other machines, of which nothing is known, stay as they are; so do those that this user may not write.
 */
async function closeCrashed(store: string, job: string, shelf: HeldShelf): Promise<void> {
  for (const id of await shelf.unfinished()) {
    const run = await shelvedRun(store, job, id);
    const isOver =
      run === undefined || (await hasFinished(run.folder)) || (await closeIfCrashed(store, run.folder));
    if (isOver) await markOver(store, job, id);
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
