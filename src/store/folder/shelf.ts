import { constants } from "node:fs";
import { type FileHandle, open, readdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import pLimit from "p-limit";
import { flushFolder, type HeldLock, holdingLock, ifPresent, makeFolder, readAt } from "../../disk/index.ts";
import { recordFailure } from "../errors.ts";
import { isRunId, newestFirst } from "../prow/snowflake.ts";
import { readSmall, unfinished } from "./files.ts";
import { directoryOfPulls, folderOfLogs } from "./paths.ts";
import { hasFinished } from "./read-run.ts";
import { idsOnShelf, shelvedRun } from "./shelves.ts";

/**
 * What finds the runs of a job, and those of them that are not over, without looking at all: ids in their order, with a stamp of
 * the folders that they are in. It is made from those folders, and believed as long as the stamp is theirs: whatever is put there
 * or removed by others changes it. It is written by runs that begin, and by nobody who only reads.
 */
const indexFolder = ".index";

/** Bytes of the line that an index begins with, and of the line of an id. */
const headLength = 128;
const lineLength = 21;

const indexOf = (store: string, job: string): string => join(store, indexFolder, job, "ids");
const marksOf = (store: string, job: string): string => join(store, indexFolder, job, "open");

/** A shelf that no other process changes. */
export interface HeldShelf extends Pick<HeldLock, "replace"> {
  /** Ids of runs that are not known to be over. */
  unfinished(): Promise<readonly string[]>;
  /** Notes that a run goes on, before it is on the shelf. */
  markOpen(id: string): Promise<void>;
  /** Notes a run that was put on the shelf. */
  note(id: string): Promise<void>;
}

/** Runs `body` while no other process puts anything on the shelf of a job. @throws {RunError} `run-unwritable`. */
export async function holdingShelf<Result>(
  store: string,
  job: string,
  body: (shelf: HeldShelf) => Promise<Result>,
): Promise<Result> {
  const lock = join(store, unfinished, `${job}.lock`);
  await makeFolder(join(store, unfinished)).catch((error: unknown) => {
    throw recordFailure(error, lock);
  });
  return holdingLock(
    lock,
    async (lock) => {
      const replace: HeldLock["replace"] = (path, content) =>
        lock.replace(path, content).catch((error: unknown) => {
          throw recordFailure(error, path);
        });
      const held = { ...lock, replace };
      await repair(store, job, held);
      return body({
        unfinished: async () => ((await ifPresent(readdir(marksOf(store, job)))) ?? []).filter(isRunId),
        markOpen: (id) => mark(store, job, [id]),
        note: async (id) => {
          if (await held.isMine()) await noteId(store, job, id, held);
        },
        replace,
      });
    },
    { failure: recordFailure },
  );
}

/** Notes that a run is over; a mark that is left is looked at by the next run of the job. */
export async function markOver(store: string, job: string, id: string): Promise<void> {
  await rm(join(marksOf(store, job), id), { force: true }).catch(() => undefined);
}

/** Ids of a job's runs, newest first: so many of those that are older than `before`, or that one as well. */
export async function newestIds(
  store: string,
  job: string,
  count: number,
  before?: Before,
): Promise<readonly string[]> {
  const index = await openIndex(store, job);
  if (index === undefined) {
    const ids = (await idsOnShelf(store, job)).sort(newestFirst);
    const from = before === undefined ? 0 : ids.findIndex((id) => isBehind(id, before));
    return from < 0 ? [] : ids.slice(from, from + count);
  }
  try {
    const end = before === undefined ? index.count : await index.positionOf(before);
    return (await index.read(Math.max(0, end - count), end)).reverse();
  } finally {
    await index.close();
  }
}

function isBehind(id: string, before: Before): boolean {
  const order = newestFirst(before.id, id);
  return order < 0 || (order === 0 && before.isIncluded);
}

/** A run that others are older than, and whether it counts as one of them. */
interface Before {
  readonly id: string;
  readonly isIncluded: boolean;
}

/** The index of a job; `undefined` when there is none that is true. */
async function openIndex(store: string, job: string) {
  const handle = await open(indexOf(store, job), constants.O_RDONLY | constants.O_NOFOLLOW).catch(
    () => undefined,
  );
  if (handle === undefined) return undefined;
  const head = (await textAt(handle, 0, headLength)).trimEnd();
  const { size } = await handle.stat();
  const count = (size - headLength) / lineLength;
  if (head === "" || head !== (await headOf(store, job, count))) {
    await handle.close();
    return undefined;
  }
  /** Ids from one position to another, the oldest first. */
  const read = async (from: number, to: number): Promise<string[]> => {
    const text = await textAt(handle, headLength + from * lineLength, (to - from) * lineLength);
    return Array.from({ length: to - from }, (_, at) =>
      text.slice(at * lineLength, (at + 1) * lineLength).trim(),
    );
  };
  return {
    count,
    read,
    /** How many are behind a run. */
    async positionOf(before: Before): Promise<number> {
      let [low, high] = [0, count];
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const [id = ""] = await read(middle, middle + 1);
        if (isBehind(id, before)) low = middle + 1;
        else high = middle;
      }
      return low;
    },
    close: () => handle.close(),
  };
}

async function textAt(handle: FileHandle, position: number, length: number): Promise<string> {
  return (await readAt(handle, position, length)).toString("latin1");
}

/** What an index says that is true of the folders as they are now, and has so many ids. */
async function headOf(store: string, job: string, count: number): Promise<string> {
  const stamps = [folderOfLogs(store, job), directoryOfPulls(store, job)].map(async (folder) => {
    const found = await ifPresent(stat(folder, { bigint: true }));
    return found === undefined ? "-" : `${found.ino}.${found.nlink}.${found.ctimeNs}`;
  });
  return [...(await Promise.all(stamps)), count].join(" ");
}

function lineOf(id: string): string {
  return `${id.padStart(lineLength - 1)}\n`;
}

/** Makes an index that is not true from the folders; runs that it did not know and that have no end are marked. */
async function repair(store: string, job: string, lock: HeldLock): Promise<void> {
  const index = await openIndex(store, job);
  if (index !== undefined) return index.close();
  const ids = await idsOnShelf(store, job);
  const text = (await readSmall(indexOf(store, job), Number.MAX_SAFE_INTEGER)) ?? "";
  const known = new Set(text.slice(headLength).split(/\s+/));
  const open: string[] = [];
  const unknown = ids.filter((id) => !known.has(id));
  await pLimit(lookedAtTogether).map(unknown, async (id) => {
    const run = await shelvedRun(store, job, id);
    if (run !== undefined && !(await hasFinished(run.folder))) open.push(id);
  });
  await mark(store, job, open);
  await writeIndex(store, job, ids, lock);
}

/** Folders that are looked at together. */
const lookedAtTogether = 32;

async function mark(store: string, job: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const folder = marksOf(store, job);
  await makeFolder(folder);
  for (const id of ids) await writeFile(join(folder, id), "");
  await flushFolder(folder);
}

async function writeIndex(store: string, job: string, ids: readonly string[], lock: HeldLock): Promise<void> {
  const sorted = ids.toSorted((a, b) => newestFirst(b, a));
  const head = `${await headOf(store, job, sorted.length)}`.padEnd(headLength - 1);
  const path = indexOf(store, job);
  await makeFolder(dirname(path));
  await lock.replace(path, `${head}\n${sorted.map(lineOf).join("")}`);
}

/** Adds an id to an index that was true before its run was put on the shelf. */
async function noteId(store: string, job: string, id: string, lock: HeldLock): Promise<void> {
  const handle = await open(indexOf(store, job), "r+");
  try {
    const { size } = await handle.stat();
    const count = (size - headLength) / lineLength;
    const last = count === 0 ? "" : await textAt(handle, size - lineLength, lineLength);
    if (count === 0 || newestFirst(id, last.trim()) < 0) {
      await handle.write(lineOf(id), size);
      await handle.write(`${await headOf(store, job, count + 1)}`.padEnd(headLength - 1), 0);
      return;
    }
    const ids = (await textAt(handle, headLength, size - headLength)).split(/\s+/);
    await writeIndex(store, job, [...new Set([...ids.filter(isRunId), id])], lock);
  } finally {
    await handle.close();
  }
}
