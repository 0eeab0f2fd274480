import {
  type BackupSummary,
  backupDatabase,
  type DatabaseAddress,
  openDatabase,
  restoreDatabase,
} from "../database/index.ts";
import { forgetWorkers } from "../queue/index.ts";
import { noteEnd } from "../triggers/index.ts";
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
 * Puts a backup where no database is yet, as {@link restoreDatabase} does. Runs that were under way are taken up by whoever is started
 * next, and workers of before write nothing more. Throws {@link DatabaseError}.
 */
export async function restoreServer(address: DatabaseAddress, file: string): Promise<ServerBackup> {
  const db = await openDatabase(address);
  try {
    const summary = await restoreDatabase(db, file, {
      migrations,
      afterwards: (sql) => forgetWorkers(sql, { onEnd: noteEnd }),
    });
    return { where: db.where, ...summary };
  } finally {
    await db.close();
  }
}
