import { databaseOf } from "./frame.ts";
import type { Database, DatabaseAddress, DatabaseOptions } from "./model.ts";
import { openPglite } from "./pglite/pglite.ts";
import { openPostgres } from "./postgres/postgres.ts";

/**
 * Opens a database, and waits until it answers: the embedded one of a folder, which is made if there is none, or that of a server,
 * for some seconds. Throws {@link DatabaseError}: `locked` with who has the folder, `other-version`, `unreachable`, `refused`.
 */
export async function openDatabase(
  address: DatabaseAddress,
  options: DatabaseOptions = {},
): Promise<Database> {
  const isFolder = "folder" in address;
  return databaseOf(
    await (isFolder ? openPglite(address.folder, options) : openPostgres(address.url, options)),
  );
}
