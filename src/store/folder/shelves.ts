import { join } from "node:path";
import { isJobName, placeInPointer } from "../prow/places.ts";
import { isRunId } from "../prow/snowflake.ts";
import { foldersIn, isFolder, namesIn, readSmall } from "./files.ts";
import { directoryOfPulls, folderOfLogs, folderOfPlace } from "./paths.ts";

/** Where a run of a job is. */
export interface Shelved {
  readonly job: string;
  readonly id: string;
  /** Absolute. */
  readonly folder: string;
}

const maxPointerBytes = 4096;

/** Jobs that a store has runs of, by name. */
export async function jobsIn(store: string): Promise<string[]> {
  const lists = await Promise.all(
    [join(store, "logs"), join(store, "pr-logs", "directory")].map((path) => foldersIn(path, isJobName)),
  );
  return [...new Set(lists.flat())].sort();
}

/** Ids of all runs of a job, in no order; some may be gone. */
export async function idsOnShelf(store: string, job: string): Promise<string[]> {
  const own = await foldersIn(folderOfLogs(store, job), isRunId);
  const pointers = await namesIn(
    directoryOfPulls(store, job),
    (name) => name.endsWith(".txt") && isRunId(name.slice(0, -4)),
  );
  return [...new Set([...own, ...pointers.map((name) => name.slice(0, -4))])];
}

/** The run of a job with an id. */
export async function shelvedRun(store: string, job: string, id: string): Promise<Shelved | undefined> {
  const folder = join(folderOfLogs(store, job), id);
  return (await isFolder(folder)) ? { job, id, folder } : followPointer(store, job, id);
}

async function followPointer(store: string, job: string, id: string): Promise<Shelved | undefined> {
  const text = await readSmall(join(directoryOfPulls(store, job), `${id}.txt`), maxPointerBytes);
  const place = text === undefined ? undefined : placeInPointer(text, job, id);
  if (place === undefined) return undefined;
  const folder = folderOfPlace(store, place);
  // The pointer is there a moment before the run, and stays when the run is removed.
  return (await isFolder(folder)) ? { job, id, folder } : undefined;
}
