import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type GrowingFile, ifPresent, openGrowing } from "../../disk/index.ts";
import { checkedPath } from "../artifacts.ts";
import { RunError, recordFailure } from "../errors.ts";
import { eventsArtifact, eventsFormat, type Run, type RunRequest } from "../model.ts";
import { finishedDocument, prowJob, textOf } from "../prow/documents.ts";
import { recordFiles } from "../prow/record.ts";
import { replaceFile } from "./files.ts";
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
  let log: GrowingFile | undefined = recording(logFile, () => openGrowing(logFile));
  const eventsFile = join(artifacts, eventsArtifact);
  let events: GrowingFile | undefined;
  const opened = (): GrowingFile => {
    if (log !== undefined) return log;
    throw new RunError("run-unwritable", "the run has ended", { where: folder });
  };
  const openEvents = (): GrowingFile => {
    opened();
    const file = openGrowing(eventsFile);
    events = file;
    file.append(`${JSON.stringify({ format: eventsFormat, job: request.job, id })}\n`);
    return file;
  };
  return {
    job: request.job,
    id,
    uuid,
    where: folder,
    artifacts,
    log(chunk) {
      const file = opened();
      recording(logFile, () => file.append(chunk));
    },
    append(event) {
      opened();
      const line = { at: clock().toISOString(), ...event };
      recording(eventsFile, () => (events ?? openEvents()).append(`${JSON.stringify(line)}\n`));
    },
    async write(path, content) {
      opened();
      await replaceFile(store, join(artifacts, checkedPath(path, artifacts)), content);
    },
    async finish(end) {
      const file = opened();
      log = undefined;
      recording(logFile, () => file.close());
      recording(eventsFile, () => events?.close());
      await refuseRemoved(folder);
      const at = clock();
      const job = prowJob(request, { name: uuid, id, startedAt, end: { result: end.result, at } });
      await replaceFile(store, join(folder, recordFiles.prowJob), textOf(job));
      const finished = textOf(finishedDocument(end, request, at));
      await replaceFile(store, join(folder, recordFiles.finished), finished);
      await markOver(store, request.job, id);
    },
  };
}

/** Files that were open grow on without a folder, and later ones would make it anew: half a record that looks whole. */
async function refuseRemoved(folder: string): Promise<void> {
  const files = [recordFiles.started, recordFiles.log].map((name) => join(folder, name));
  for (const file of files) {
    if ((await ifPresent(stat(file))) !== undefined) continue;
    throw new RunError("run-unwritable", "the record was removed while the run went on", {
      where: file,
      hint: "keep records of runs that go on",
    });
  }
}

function recording<Done>(path: string, work: () => Done): Done {
  try {
    return work();
  } catch (error) {
    throw recordFailure(error, path);
  }
}
