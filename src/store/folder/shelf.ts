import { constants } from "node:fs";
import { type FileHandle, open, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { flushFolder, holdingLock, ifPresent, makeFolder } from "../../disk/index.ts";
import { recordFailure } from "../errors.ts";
import { readSmall, replaceFile, unfinished } from "./files.ts";
import { directoryOfPulls, folderOfLogs } from "./places.ts";
import { hasFinished } from "./read-run.ts";
import { idsOnShelf, shelvedRun } from "./shelves.ts";
import { isRunId, newestFirst } from "./snowflake.ts";

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
export interface HeldShelf {
  /** Ids of runs that are not known to be over. */
  unfinished(): Promise<readonly string[]>;
  /** Notes that a run goes on, before it is on the shelf; and that it does not. */
  markOpen(id: string): Promise<void>;
  markOver(id: string): Promise<void>;
  /** Notes a run that was put on the shelf. */
  note(id: string): Promise<void>;
  isMine(): Promise<boolean>;
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
    async ({ isMine }) => {
      await repair(store, job);
      return body({
        unfinished: async () => ((await ifPresent(readdir(marksOf(store, job)))) ?? []).filter(isRunId),
        markOpen: (id) => mark(store, job, [id]),
        markOver: (id) => markOver(store, job, id),
        note: async (id) => {
          if (await isMine()) await noteId(store, job, id);
        },
        isMine,
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
  before?: { readonly id: string; readonly isIncluded: boolean },
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

function isBehind(id: string, before: { readonly id: string; readonly isIncluded: boolean }): boolean {
  const order = newestFirst(before.id, id);
  return order < 0 || (order === 0 && before.isIncluded);
}

interface Index {
  readonly count: number;
  /** Ids from one position to another, the oldest first. */
  read(from: number, to: number): Promise<string[]>;
  /** How many are behind a run. */
  positionOf(before: { readonly id: string; readonly isIncluded: boolean }): Promise<number>;
  close(): Promise<void>;
}

/** The index of a job; `undefined` when there is none that is true. */
async function openIndex(store: string, job: string): Promise<Index | undefined> {
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
  const read = async (from: number, to: number): Promise<string[]> => {
    const text = await textAt(handle, headLength + from * lineLength, (to - from) * lineLength);
    return Array.from({ length: to - from }, (_, at) =>
      text.slice(at * lineLength, (at + 1) * lineLength).trim(),
    );
  };
  return {
    count,
    read,
    async positionOf(before) {
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
  const buffer = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(buffer, at, length - at, position + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return buffer.toString("latin1");
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
async function repair(store: string, job: string): Promise<void> {
  const index = await openIndex(store, job);
  if (index !== undefined) return index.close();
  const ids = await idsOnShelf(store, job);
  const text = (await readSmall(indexOf(store, job), Number.MAX_SAFE_INTEGER)) ?? "";
  const known = new Set(
    text
      .slice(headLength)
      .split("\n")
      .map((line) => line.trim()),
  );
  const open: string[] = [];
  const unknown = ids.filter((id) => !known.has(id));
  for (let at = 0; at < unknown.length; at += lookedAtTogether) {
    const part = unknown.slice(at, at + lookedAtTogether).map(async (id) => {
      const run = await shelvedRun(store, job, id);
      if (run !== undefined && !(await hasFinished(run.folder))) open.push(id);
    });
    await Promise.all(part);
  }
  await mark(store, job, open);
  await writeIndex(store, job, ids);
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

async function writeIndex(store: string, job: string, ids: readonly string[]): Promise<void> {
  const sorted = ids.toSorted((a, b) => newestFirst(b, a));
  const head = `${await headOf(store, job, sorted.length)}`.padEnd(headLength - 1);
  await replaceFile(store, indexOf(store, job), `${head}\n${sorted.map(lineOf).join("")}`);
}

/** Adds an id to an index that was true before its run was put on the shelf. */
async function noteId(store: string, job: string, id: string): Promise<void> {
  const path = indexOf(store, job);
  const handle = await open(path, "r+");
  try {
    const { size } = await handle.stat();
    const count = (size - headLength) / lineLength;
    const last = count === 0 ? "" : await textAt(handle, size - lineLength, lineLength);
    if (count === 0 || newestFirst(id, last.trim()) < 0) {
      await handle.write(lineOf(id), size);
      await handle.write(`${await headOf(store, job, count + 1)}`.padEnd(headLength - 1), 0);
      return;
    }
    const ids = (await textAt(handle, headLength, size - headLength)).split("\n").map((line) => line.trim());
    await writeIndex(store, job, [...new Set([...ids.filter(isRunId), id])]);
  } finally {
    await handle.close();
  }
}
