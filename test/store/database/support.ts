import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { type Database, DatabaseError } from "../../../src/database/index.ts";
import { ObjectError, type ObjectStore, openObjects } from "../../../src/objects/index.ts";
import {
  type LogBatch,
  openRunDatabase,
  type RunDatabase,
  storeMigrations,
} from "../../../src/store/index.ts";
import type { TestDatabases } from "../../support/databases.ts";
import { temporaryFolder } from "../../support/tree.ts";

/** Objects of a folder that can be away: then each call fails, before or after it was carried out. */
export interface FrailObjects extends ObjectStore {
  /** Calls that still succeed; the next one fails, and all behind it. */
  callsLeft: number;
}

export function frailObjects(objects: ObjectStore): FrailObjects {
  const away = new ObjectError("objects-unreachable", "away", { where: objects.where });
  const frail: FrailObjects = {
    ...objects,
    callsLeft: Number.POSITIVE_INFINITY,
    async put(path, content) {
      if (frail.callsLeft-- <= 0) throw away;
      await objects.put(path, content);
    },
    async delete(path) {
      if (frail.callsLeft-- <= 0) throw away;
      await objects.delete(path);
    },
  };
  return frail;
}

/** A database of whose commits no answer comes, each second time: they count all the same. */
export function doubtfulDatabase(db: Database): Database {
  let count = 0;
  return {
    ...db,
    async transaction(work) {
      const result = await db.transaction(work);
      count += 1;
      if (count % 2 === 0) throw new DatabaseError("in-doubt", "no answer came", { where: db.where });
      return result;
    },
  };
}

/** A store of runs in a database, for each test of a `describe`. */
export interface TestRuns {
  db: Database;
  objects: FrailObjects;
  folder: string;
  runs: RunDatabase;
  /** The same store as a process has it on another machine, with a spool of its own, or on this one. */
  elsewhere(spool?: string): Promise<RunDatabase>;
}

export function useRuns(databases: TestDatabases): TestRuns {
  let remove: () => Promise<void>;
  const opened: RunDatabase[] = [];
  const test = {} as TestRuns;
  const open = async (db: Database, spool: string): Promise<RunDatabase> => {
    const runs = await openRunDatabase(db, { objects: test.objects, spool: join(test.folder, spool) });
    opened.push(runs);
    return runs;
  };
  beforeEach(async () => {
    const temporary = await temporaryFolder("records");
    remove = temporary.remove;
    test.folder = temporary.path;
    test.objects = frailObjects(openObjects(join(temporary.path, "objects")));
    test.db = await databases.open(storeMigrations);
    test.runs = await open(test.db, "spool");
    test.elsewhere = async (spool = `spool-${opened.length}`) => open(await databases.openAgain(), spool);
  });
  afterEach(async () => {
    for (const runs of opened.splice(0)) await runs.release();
    await remove();
  });
  return test;
}

export async function textOf(bytes: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes ?? []) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

export const logOf = async (runs: RunDatabase, id: string): Promise<string> =>
  textOf((await runs.find(id)).log());

/** The batches of a log from a byte on, as they come, until its run has ended. */
export async function* tail(runs: RunDatabase, id: string, from = 0): AsyncGenerator<LogBatch> {
  let wake = () => {};
  const cursor = await runs.follow(id, { from, onMore: () => wake() });
  try {
    for (;;) {
      const batch = cursor.next();
      const there = batch instanceof Promise ? await batch : batch;
      if (there !== undefined) yield there;
      else if (cursor.isOver) return;
      else if (batch === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    cursor.close();
  }
}

/** All files below a folder, by their paths, without what begins with a dot at its top. */
export async function filesBelow(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: Record<string, string> = {};
  for (const entry of entries.filter((entry) => entry.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (!name.startsWith(".")) files[name] = await readFile(path, "utf8");
  }
  return files;
}
