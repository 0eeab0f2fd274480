import { join } from "node:path";
import { foldersIn, isFolder, namesIn, readSmall } from "./files.ts";
import { folderOfPlace, isJobName, placeInPointer } from "./places.ts";
import { isRunId } from "./snowflake.ts";

/** Where a run of a job is. */
export interface Shelved {
  readonly job: string;
  readonly id: string;
  /** Absolute. */
  readonly folder: string;
}

const longestPointer = 4096;

/** Jobs that a store has runs of, by name. */
export async function jobsIn(store: string): Promise<string[]> {
  const lists = await Promise.all(
    [join(store, "logs"), join(store, "pr-logs", "directory")].map((path) => foldersIn(path, isJobName)),
  );
  return [...new Set(lists.flat())].sort();
}

/** All runs of a job, in no order. */
export async function runsOf(store: string, job: string): Promise<Shelved[]> {
  const logs = join(store, "logs", job);
  const own = (await foldersIn(logs, isRunId)).map((id) => ({ job, id, folder: join(logs, id) }));
  const directory = join(store, "pr-logs", "directory", job);
  const pointers = await namesIn(directory, (name) => name.endsWith(".txt") && isRunId(name.slice(0, -4)));
  const pointed = await Promise.all(pointers.map((name) => followPointer(store, job, name.slice(0, -4))));
  return [...own, ...pointed.filter((found) => found !== undefined)];
}

/** The run of a job with an id. */
export async function shelvedRun(store: string, job: string, id: string): Promise<Shelved | undefined> {
  const folder = join(store, "logs", job, id);
  return (await isFolder(folder)) ? { job, id, folder } : followPointer(store, job, id);
}

async function followPointer(store: string, job: string, id: string): Promise<Shelved | undefined> {
  const text = await readSmall(join(store, "pr-logs", "directory", job, `${id}.txt`), longestPointer);
  const place = text === undefined ? undefined : placeInPointer(text, job, id);
  if (place === undefined) return undefined;
  const folder = folderOfPlace(store, place);
  // The pointer is there a moment before the run, and stays when the run is removed.
  return (await isFolder(folder)) ? { job, id, folder } : undefined;
}
