import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backupDatabase, type Database, migrate, restoreDatabase } from "../../src/database/index.ts";
import { describeDatabases, describePostgres, usePglite, usePostgres } from "../support/databases.ts";
import { temporaryFolder } from "../support/tree.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let file: string;
beforeEach(async () => {
  temporary = await temporaryFolder("backup");
  file = join(temporary.path, "backup.gz");
});
afterEach(() => temporary.remove());

const migrations = [
  {
    id: "test-0001",
    sql: `
      CREATE TABLE child (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        parent text NOT NULL,
        twice int GENERATED ALWAYS AS (2 * half) STORED,
        half int
      );
      CREATE TABLE parent (name text PRIMARY KEY, youngest bigint REFERENCES child);
      ALTER TABLE child ADD FOREIGN KEY (parent) REFERENCES parent ON DELETE CASCADE;
      CREATE TABLE "Odd ""name" ("a b" jsonb NOT NULL, big numeric, at timestamptz, bytes bytea, list text[], f float8);
      CREATE SEQUENCE counter START 17;
      CREATE TABLE heard (name text);
      CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO heard VALUES (NEW.name); RETURN NEW; END $$;
      CREATE TRIGGER hear AFTER INSERT ON parent FOR EACH ROW EXECUTE FUNCTION hear();`,
  },
];
const later = {
  id: "test-0002",
  sql: "ALTER TABLE parent ADD COLUMN length int; UPDATE parent SET length = length(name)",
};

async function fill(db: Database): Promise<void> {
  await db.query("INSERT INTO parent SELECT 'parent ' || n FROM generate_series(1, 1200) AS n");
  await db.query("INSERT INTO child (parent, half) SELECT name, 3 FROM parent");
  await db.query("UPDATE parent SET youngest = (SELECT max(number) FROM child)");
  await db.query(`INSERT INTO "Odd ""name" VALUES ($1, $2, $3, $4, $5, 0.1::float8 + 0.2)`, [
    "null",
    "123456789012345678901234567890.123",
    new Date(1_700_000_000_123),
    new Uint8Array([0, 10, 92, 255]),
    ["a\nb", 'c"\\', null],
  ]);
  await db.query(
    `INSERT INTO "Odd ""name" VALUES ('{"a": 9007199254740993}', NULL, now(), NULL, NULL, 'NaN')`,
  );
  await db.query("SELECT nextval('counter')");
}

/** All that a database has, as text that says all of it. */
async function contentOf(db: Database): Promise<unknown> {
  const names = ["child", "parent", '"Odd ""name"', "heard"];
  const rows = await Promise.all(
    names.map((name) => db.query(`SELECT t::text FROM ${name} AS t ORDER BY 1`)),
  );
  return [...rows, await db.query("SELECT last_value, is_called FROM counter")];
}

describeDatabases(({ open }) => {
  test("a backup has all that was there, and comes back as it was", async () => {
    const db = await open(migrations);
    await fill(db);
    const content = await contentOf(db);
    expect(await backupDatabase(db, file)).toEqual({ tables: 4, rows: 3602 });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const fresh = await open();
    expect(await restoreDatabase(fresh, file, { migrations })).toEqual({ tables: 4, rows: 3602 });
    expect(await contentOf(fresh)).toEqual(content);
    await migrate(fresh, migrations);
    const [next] = await fresh.query("INSERT INTO child (parent) VALUES ('parent 1') RETURNING number");
    expect(next).toEqual({ number: "1201" });
    await expect(fresh.query("INSERT INTO child (parent) VALUES ('nobody')")).rejects.toMatchObject({
      code: "conflict",
    });
    await fresh.query("INSERT INTO parent VALUES ('heard of')");
    expect(await fresh.query("SELECT * FROM heard WHERE name = 'heard of'")).toHaveLength(1);
  });

  test("a backup of an older version gets the steps that it lacks, and what is to be put right afterwards", async () => {
    const db = await open(migrations);
    await db.query("INSERT INTO parent VALUES ('four')");
    await backupDatabase(db, file);
    const fresh = await open();
    await restoreDatabase(fresh, file, {
      migrations: [...migrations, later],
      afterwards: async (sql) => {
        await sql.query("INSERT INTO heard SELECT 'restored ' || length FROM parent");
      },
    });
    expect(await fresh.query("SELECT name, length FROM parent")).toEqual([{ name: "four", length: 4 }]);
    expect(await fresh.query("SELECT name FROM heard ORDER BY name")).toEqual([
      { name: "four" },
      { name: "restored 4" },
    ]);
  });

  test("a backup of a newer version is refused", async () => {
    const db = await open([...migrations, later]);
    await backupDatabase(db, file);
    const fresh = await open();
    await expect(restoreDatabase(fresh, file, { migrations })).rejects.toMatchObject({
      code: "newer",
      where: file,
    });
  });

  test("nothing is restored over anything", async () => {
    const db = await open(migrations);
    await backupDatabase(db, file);
    await expect(restoreDatabase(db, file, { migrations })).rejects.toMatchObject({ code: "not-empty" });
  });

  test("of a backup that is not whole, or none, nothing comes back", async () => {
    const db = await open(migrations);
    await fill(db);
    await backupDatabase(db, file);
    const whole = await readFile(file);
    const lines = gunzipSync(whole).toString().trimEnd().split("\n");
    const broken = {
      cut: whole.subarray(0, whole.length - 100),
      changed: Buffer.from(whole.map((byte, at) => (at === 500 ? byte ^ 1 : byte))),
      endless: gzipSync(`${lines.slice(0, -1).join("\n")}\n`),
      shortened: gzipSync(`${lines.filter((_, at) => at !== 40).join("\n")}\n`),
      foreign: gzipSync("hello\n"),
      text: Buffer.from("hello"),
      empty: Buffer.alloc(0),
      otherColumn: gzipSync(lines.join("\n").replace('"name":"half"', '"name":"other"')),
      injected: gzipSync(lines.join("\n").replace('"name":"half"', '"name":"half) SELECT 1; --"')),
    };
    const fresh = await open();
    for (const [name, bytes] of Object.entries(broken)) {
      await writeFile(file, bytes);
      await expect(restoreDatabase(fresh, file, { migrations }), name).rejects.toMatchObject({
        code: "unreadable",
        where: file,
      });
    }
    await truncate(file, 0);
    await expect(restoreDatabase(fresh, join(file, "nothing"), { migrations })).rejects.toMatchObject({
      code: "unreadable",
    });
    await writeFile(file, whole);
    expect(await restoreDatabase(fresh, file, { migrations })).toMatchObject({ rows: 3602 });
  });

  test("a backup that cannot be written is none, and an older one stays", async () => {
    const db = await open(migrations);
    await writeFile(file, "older");
    await expect(backupDatabase(db, join(file, "below.gz"))).rejects.toMatchObject({ code: "unreadable" });
    expect(await readFile(file, "utf8")).toBe("older");
    expect(await db.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});

describePostgres("from a folder to a server, and back", () => {
  const embedded = usePglite();
  const served = usePostgres();

  test("everything comes along", async () => {
    const folder = await embedded.open(migrations);
    await fill(folder);
    const content = await contentOf(folder);
    await backupDatabase(folder, file);
    const server = await served.open();
    await restoreDatabase(server, file, { migrations });
    expect(await contentOf(server)).toEqual(content);
    await backupDatabase(server, file);
    const again = await embedded.open();
    await restoreDatabase(again, file, { migrations });
    expect(await contentOf(again)).toEqual(content);
  });
});
