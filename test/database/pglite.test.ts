import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { databaseOf } from "../../src/database/frame.ts";
import { type Database, openDatabase } from "../../src/database/index.ts";
import { engineVersion } from "../../src/database/pglite/files.ts";
import { openPglite } from "../../src/database/pglite/pglite.ts";
import { keepUp } from "../../src/database/pglite/upkeep.ts";
import { sourceUrl } from "../support/built.ts";
import { start } from "../support/child.ts";
import { copyOfEmptyPglite } from "../support/databases.ts";
import { promised } from "../support/promised.ts";
import { temporaryFolder } from "../support/tree.ts";
import { closeInTransaction } from "./hanging-transaction.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let folder: string;
let opened: Database[] = [];
beforeEach(async () => {
  temporary = await temporaryFolder("pglite");
  folder = join(temporary.path, "data");
  await copyOfEmptyPglite(folder);
});
afterEach(async () => {
  for (const db of opened) await db.close();
  opened = [];
  await temporary.remove();
});

async function open(): Promise<Database> {
  const db = await openDatabase({ folder });
  opened.push(db);
  return db;
}

// Some start several engines, one after the other, and processes with them.
vi.setConfig({ testTimeout: 180_000 });

/** A process that has the folder open, and says so in its first line. */
function startHolder(then: string) {
  const script = `
    import { openDatabase } from ${JSON.stringify(sourceUrl("database/index.ts"))};
    const db = await openDatabase({ folder: ${JSON.stringify(folder)} });
    ${then}`;
  return start(process.execPath, ["--input-type=module", "-e", script]);
}

describe("a folder", () => {
  test("that is not there is made with a database in it, of the version that is said", async () => {
    await rm(folder, { recursive: true });
    const db = await open();
    const [found] = await db.query<{ version: string; fsync: string }>(
      "SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync",
    );
    expect(Number.parseInt(found?.version ?? "", 10)).toBe(engineVersion);
    expect(found?.fsync).toBe("on");
    expect((await readdir(folder)).sort()).toEqual(["postgres", "postgres.lock"]);
    expect((await stat(join(folder, "postgres"))).mode & 0o077).toBe(0);
  });

  test("whose database was not made to its end is made again", async () => {
    await rm(join(folder, "postgres"), { recursive: true });
    await mkdir(join(folder, "postgres.new", "base"), { recursive: true });
    await writeFile(join(folder, "postgres.new", "PG_VERSION"), `${engineVersion}\n`);
    const db = await open();
    expect(await db.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("keeps what was committed, and is free when it was closed", async () => {
    const first = await open();
    await first.script("CREATE TABLE a (id int); INSERT INTO a VALUES (1)");
    await first.close();
    expect(await readdir(folder)).toEqual(["postgres"]);
    expect(await (await open()).query("SELECT id FROM a")).toEqual([{ id: 1 }]);
  });

  test("of another major version is refused before anything touches it", async () => {
    const version = join(folder, "postgres", "PG_VERSION");
    await writeFile(version, "17\n");
    await expect(open()).rejects.toMatchObject({
      code: "other-version",
      message: `the files are of PostgreSQL 17, this version of Waybill has ${engineVersion}`,
    });
    expect(await readFile(version, "utf8")).toBe("17\n");
    expect(await readdir(folder)).toEqual(["postgres"]);
  });

  test("that has something else is refused", async () => {
    await rm(join(folder, "postgres", "PG_VERSION"));
    await expect(open()).rejects.toMatchObject({ code: "unreadable" });
  });

  test("whose files are damaged is refused with PostgreSQL's own words", async () => {
    await writeFile(join(folder, "postgres", "global", "pg_control"), Buffer.alloc(8192));
    await expect(open()).rejects.toMatchObject({
      code: "unreadable",
      message: expect.stringMatching(/^PostgreSQL does not start on these files: /),
    });
  });

  test("that is a file is refused", async () => {
    await rm(folder, { recursive: true });
    await writeFile(folder, "");
    await expect(open()).rejects.toMatchObject({ code: "unreadable", where: folder });
  });
});

describe("two on one folder", () => {
  test("the second one is refused with who has it, and the first one goes on", async () => {
    const holder = await startHolder("console.log('open'); setInterval(() => {}, 1000);");
    await expect(open()).rejects.toMatchObject({
      code: "locked",
      message: `process ${holder.process.pid} has the database in this folder open`,
      where: folder,
    });
    await holder.kill();
  });

  test("in one process as well", async () => {
    const db = await open();
    await expect(open()).rejects.toMatchObject({ code: "locked" });
    expect(await db.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("one that finds its folder taken, after it slept, writes nothing more", async () => {
    const db = await open();
    await writeFile(join(folder, "postgres.lock"), "1-000000000000.0000000000000000\n");
    const slept = performance.now;
    performance.now = () => slept.call(performance) + 60_000;
    try {
      await expect(db.query("SELECT 1")).rejects.toMatchObject({
        code: "locked",
        message: "another process has taken the folder over while this one slept",
      });
    } finally {
      performance.now = slept;
    }
    await expect(db.query("SELECT 1")).rejects.toMatchObject({ code: "locked" });
  });
});

test("what was answered is there after kill -9 in the middle of writing, and the folder is free at once", async () => {
  const rounds = 2;
  let last = 0;
  for (let round = 0; round < rounds; round += 1) {
    const holder = await startHolder(`
      await db.script("CREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY, filler text)");
      let [{ last }] = await db.query("SELECT coalesce(max(id), 0) AS last FROM a");
      console.log("open");
      for (;;) {
        last += 1;
        await db.transaction(async (sql) => {
          await sql.query("INSERT INTO a VALUES ($1, repeat('x', 2000))", [last]);
          await sql.query("UPDATE a SET filler = filler || 'y' WHERE id = $1", [last - 1]);
        });
        console.log(last);
      }`);
    const enough = promised<void>();
    let said = "";
    holder.process.stdout?.on("data", (text: string | Buffer) => {
      said += String(text);
      if (said.split("\n").length > 20) enough.resolve();
    });
    await enough.promise;
    await holder.kill();
    const answered = Number(
      said
        .trimEnd()
        .split("\n")
        .findLast((line) => /^\d+$/.test(line)),
    );
    const db = await open();
    const [found] = await db.query<{ last: number; count: number }>(
      "SELECT max(id) AS last, count(*)::int AS count FROM a",
    );
    expect(found?.last).toBeGreaterThanOrEqual(answered);
    expect(found?.count).toBe(found?.last);
    expect(
      await db.query("SELECT id FROM a WHERE length(filler) <> 2001 AND id <> $1", [found?.last]),
    ).toEqual([]);
    expect(answered).toBeGreaterThan(last);
    last = found?.last ?? 0;
    await db.close();
  }
});

describe("upkeep", () => {
  test("clears what was changed, and shortens the log", async () => {
    const driver = await openPglite(folder, {});
    const db = databaseOf(driver);
    opened.push(db);
    await db.script("CREATE TABLE a (id int, filler text); ALTER TABLE a SET (fillfactor = 50)");
    await db.query("INSERT INTO a SELECT id, repeat('x', 1000) FROM generate_series(1, 70000) AS id");
    await db.query("DELETE FROM a");
    const logBytes =
      "SELECT (pg_current_wal_insert_lsn() - redo_lsn)::int AS bytes FROM pg_control_checkpoint()";
    const [before] = await db.query<{ bytes: number }>(logBytes);
    expect(before?.bytes).toBeGreaterThan(64 * 1024 * 1024);
    await keepUp(driver.withSession);
    const [after] = await db.query<{ bytes: number }>(logBytes);
    expect(after?.bytes).toBeLessThan(64 * 1024 * 1024);
    expect(await db.query("SELECT pg_relation_size('a')::int AS size")).toEqual([{ size: 0 }]);
  });
});

test("a transaction that never ends does not keep the database from being closed, and counts for nothing", async () => {
  const driver = await openPglite(folder, {});
  await databaseOf(driver).script("CREATE TABLE a (id int)");
  await closeInTransaction(driver);
  expect(await (await open()).query("SELECT id FROM a")).toEqual([]);
});
