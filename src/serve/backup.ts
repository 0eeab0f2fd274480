import { open } from "node:fs/promises";
import { join } from "node:path";
import {
  type BackupSummary,
  backupDatabase,
  type Database,
  type DatabaseAddress,
  openDatabase,
  restoreDatabase,
} from "../database/index.ts";
import { durableFiles, markedName } from "../disk/index.ts";
import { forgetWorkers } from "../queue/index.ts";
import type { BackupToSend } from "../server/index.ts";
import { openRecordEnds } from "../store/index.ts";
import { endsOf } from "./ends.ts";
import { migrations } from "./migrations.ts";

/** What a backup has, and of which database it is. */
export interface ServerBackup extends BackupSummary {
  /** The folder, or the URL without its password. */
  readonly where: string;
}

/**
 * Writes a backup of a server's database into a file, as {@link backupDatabase} does. On a server of PostgreSQL, processes may be
 * running meanwhile. Throws {@link DatabaseError}.
 */
export async function backupServer(address: DatabaseAddress, file: string): Promise<ServerBackup> {
  const db = await openDatabase(address, { mayCreate: false });
  try {
    return { where: db.where, ...(await backupDatabase(db, file)) };
  } finally {
    await db.close();
  }
}

/**
 * Makes a backup of a database that this process has open, to be sent. All of it is on the disk before a byte of it is read, so
 * that nobody waits for whoever it is sent to; the file is gone by then.
 * @param folder For that file, whatever is left there of processes that have ended goes. Throws {@link DatabaseError}.
 */
export async function backupToSend(db: Database, folder: string): Promise<BackupToSend> {
  const files = durableFiles(folder);
  await files.sweep();
  const path = join(folder, markedName());
  const summary = await backupDatabase(db, path);
  const file = await open(path);
  await files.remove(path);
  const { size } = await file.stat();
  return { ...summary, bytes: size, body: file.createReadStream() };
}

/**
 * Puts a backup where no database is yet, as {@link restoreDatabase} does. Runs that were under way are taken up by whoever is started
 * next, and workers of before write nothing more. Throws {@link DatabaseError}.
 */
export async function restoreServer(address: DatabaseAddress, file: string): Promise<ServerBackup> {
  const db = await openDatabase(address);
  try {
    const summary = await restoreDatabase(db, file, {
      migrations,
      afterwards: async (sql) => forgetWorkers(sql, endsOf(await openRecordEnds())),
    });
    return { where: db.where, ...summary };
  } finally {
    await db.close();
  }
}
