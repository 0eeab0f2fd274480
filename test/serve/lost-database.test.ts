import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openDatabase } from "../../src/database/index.ts";
import { throwIfLost } from "../../src/serve/lost-database.ts";
import { copyOfEmptyPglite } from "../support/databases.ts";
import { temporaryFolder } from "../support/tree.ts";

test("a server ends whose folder another process has taken, and not before", async () => {
  const temporary = await temporaryFolder("lost-database");
  const folder = join(temporary.path, "data");
  await copyOfEmptyPglite(folder);
  const db = await openDatabase({ folder });
  const stopping = new AbortController();
  const ending = throwIfLost(db, stopping.signal);
  await db.query("SELECT 1");
  stopping.abort();
  await ending;
  await writeFile(join(folder, "postgres.lock"), "1-000000000000.0000000000000000\n");
  const slept = performance.now;
  performance.now = () => slept.call(performance) + 60_000;
  try {
    await expect(throwIfLost(db, new AbortController().signal)).rejects.toMatchObject({ code: "locked" });
  } finally {
    performance.now = slept;
    await db.close();
    await temporary.remove();
  }
});
