import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { isAbsolute, join, normalize, sep } from "node:path";
import { harmless } from "../../errors/index.ts";
import { RunError, recordFailure } from "../errors.ts";
import { eventsArtifact, eventsFormat, type Run, type RunRequest } from "../model.ts";
import { finishedDocument, prowJob, textOf } from "./documents.ts";
import { replaceFile } from "./files.ts";
import { recordFiles } from "./read-run.ts";
import { markOver } from "./shelf.ts";

/** What a run under way is made from: its folder is there. */
export interface BegunRun {
  readonly store: string;
  readonly request: RunRequest;
  readonly id: string;
  readonly uuid: string;
  readonly folder: string;
  readonly startedAt: Date;
  readonly clock: () => Date;
}

/** The run of this process in a folder. @throws {RunError} `run-unwritable`, as its methods do. */
export function openRun(begun: BegunRun): Run {
  const { store, request, id, uuid, folder, startedAt, clock } = begun;
  const artifacts = join(folder, recordFiles.artifacts);
  const logFile = join(folder, recordFiles.log);
  let log: number | undefined = openFile(logFile);
  const eventsFile = join(artifacts, eventsArtifact);
  let events: number | undefined;
  const opened = (): number => {
    if (log !== undefined) return log;
    throw new RunError("run-unwritable", "the run has ended", { where: folder });
  };
  const openEvents = (): number => {
    opened();
    const descriptor = openFile(eventsFile);
    events = descriptor;
    const head = { format: eventsFormat, job: request.job, id };
    append(descriptor, `${JSON.stringify(head)}\n`, eventsFile);
    return descriptor;
  };
  return {
    job: request.job,
    id,
    uuid,
    where: folder,
    artifacts,
    log(chunk) {
      // Written when this returns: whatever kills the process afterwards, the system has it.
      append(opened(), chunk, logFile);
    },
    append(event) {
      const line = { at: clock().toISOString(), ...event };
      append(events ?? openEvents(), `${JSON.stringify(line)}\n`, eventsFile);
    },
    async write(path, content) {
      opened();
      await replaceFile(store, join(artifacts, checkedPath(path, artifacts)), content);
    },
    async finish(end) {
      const descriptor = opened();
      log = undefined;
      closeWhole(descriptor, logFile);
      if (events !== undefined) closeWhole(events, eventsFile);
      const at = clock();
      const job = prowJob(request, { name: uuid, id, startedAt, end: { result: end.result, at } });
      await replaceFile(store, join(folder, recordFiles.prowJob), textOf(job));
      const finished = textOf(finishedDocument(end, request, at));
      await replaceFile(store, join(folder, recordFiles.finished), finished);
      await markOver(store, request.job, id);
    },
  };
}

function openFile(path: string): number {
  try {
    return openSync(path, "a");
  } catch (error) {
    throw recordFailure(error, path);
  }
}

function append(descriptor: number, chunk: Uint8Array | string, path: string): void {
  const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
  } catch (error) {
    throw recordFailure(error, path);
  }
}

function closeWhole(descriptor: number, path: string): void {
  try {
    fsyncSync(descriptor);
  } catch (error) {
    throw recordFailure(error, path);
  } finally {
    closeSync(descriptor);
  }
}

/** A path that stays below the artifacts. @throws {RunError} `run-unwritable`. */
function checkedPath(path: string, artifacts: string): string {
  const plain = normalize(path);
  const isBelow = plain !== "." && plain !== ".." && !plain.startsWith(`..${sep}`) && !isAbsolute(plain);
  if (isBelow && !plain.includes("\0")) return plain;
  throw new RunError("run-unwritable", `${harmless(path)} does not lie below the artifacts of the run`, {
    where: artifacts,
  });
}
