import { randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bootMark, createFile, flushFolder, makeFolder, processMark } from "../disk/index.ts";
import { prowJob, startedDocument, textOf } from "./documents.ts";
import { recordFailure } from "./errors.ts";
import { claimFolder, replaceFile, unfinished } from "./files.ts";
import { noteLatest } from "./latest.ts";
import type { Run, RunRequest } from "./model.ts";
import { openRun } from "./open-run.ts";
import { directoryOfJob, folderOfPlace, placeOfRun } from "./places.ts";
import { recordFiles } from "./read-run.ts";
import { jobsIn, shelvedRun } from "./shelves.ts";
import { snowflake } from "./snowflake.ts";

/** Begins a run. The request has been checked. @throws {RunError} `run-unwritable`. */
export async function startRun(store: string, request: RunRequest, clock: () => Date): Promise<Run> {
  const startedAt = clock();
  const uuid = randomUUID();
  try {
    const { id, draft } = await claimId(store, startedAt);
    const place = placeOfRun(request, id);
    const folder = folderOfPlace(store, place);
    const directory = directoryOfJob(request);
    try {
      await fillDraft(draft, request, { name: uuid, id, startedAt });
      // Before the claim is given up, so that the id is seen to be taken.
      if (!place.startsWith(`${directory}/`)) {
        await replaceFile(store, join(folderOfPlace(store, directory), `${id}.txt`), place);
      }
      await makeFolder(dirname(folder));
      // One step makes all of it visible, and gives the claim up.
      await rename(draft, folder);
    } catch (error) {
      await rm(draft, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
    await flushFolder(dirname(folder));
    await noteLatest(store, directory, id);
    return openRun({ store, request, id, uuid, folder, startedAt, clock });
  } catch (error) {
    throw recordFailure(error, store);
  }
}

/**
 * An id that no other run of the store has, and a folder where its record is prepared. The folder is the claim: only one
 * process can make it. Runs that came out of theirs are on their shelves by then, where they are looked for second.
 */
async function claimId(store: string, time: Date): Promise<{ id: string; draft: string }> {
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
