import { lstat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as z from "zod/mini";
import { isKnownToHaveEnded, isOfEarlierBoot } from "../../disk/index.ts";
import { jsonIn } from "../../oci/index.ts";
import type { RecordedRun } from "../model.ts";
import { maxDocumentBytes, type Runner, readDocuments, recordFiles, runnerIn } from "../prow/record.ts";
import { readSmall } from "./files.ts";

/** A run as its folder shows it, as well as it can: what is missing or broken there is left out. */
export async function readRun(folder: string): Promise<RecordedRun> {
  const [job, id] = [basename(dirname(folder)), basename(folder)];
  const started = await readDocument(join(folder, recordFiles.started));
  // In this order: a process that has ended writes nothing any more.
  const isDead = await isAbandoned(folder, runnerIn(started));
  const isOver = await hasFinished(folder);
  const finished = isOver ? await readDocument(join(folder, recordFiles.finished)) : undefined;
  const prowJob = await readDocument(join(folder, recordFiles.prowJob));
  const told = readDocuments(id, { started, finished, prowJob });
  return {
    ...{ job, id, where: folder, log: join(folder, recordFiles.log) },
    ...told,
    result: isOver ? told.result : isDead ? "CRASHED" : "PENDING",
  };
}

/** Whether a run has said its last word. */
export async function hasFinished(folder: string): Promise<boolean> {
  return (await lstat(join(folder, recordFiles.finished)).catch(() => undefined)) !== undefined;
}

async function isAbandoned(folder: string, runner: Runner | undefined): Promise<boolean> {
  if (isKnownToHaveEnded(runner?.process ?? "")) return true;
  const sign = runner?.boot === undefined ? undefined : await lastSignOfLife(folder);
  return sign !== undefined && isOfEarlierBoot(runner?.boot ?? "", sign);
}

/** When a run last gave a sign of life. */
export async function lastSignOfLife(folder: string): Promise<Date | undefined> {
  const found = await lstat(join(folder, recordFiles.log)).catch(() => undefined);
  return found?.mtime;
}

/** A document as it stands, if it is an object. */
export async function readObject(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  return z.looseObject({}).safeParse(await readDocument(path)).data;
}

async function readDocument(path: string): Promise<unknown> {
  const content = await readSmall(path, maxDocumentBytes);
  return content === undefined ? undefined : jsonIn(content);
}
