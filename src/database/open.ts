import type { Database, DatabaseAddress } from "./model.ts";
import { openPglite } from "./pglite.ts";
import { openPostgres } from "./postgres.ts";

/** Opens a database, and waits until it answers. Throws {@link DatabaseError}. */
export function openDatabase(address: DatabaseAddress): Promise<Database> {
  return "folder" in address ? openPglite(address.folder) : openPostgres(address.url);
}
