import { expect, test } from "vitest";
import { migrate } from "../../src/database/index.ts";
import { describeDatabases, describePostgres, usePostgres } from "../support/databases.ts";
import { promised } from "../support/promised.ts";

const first = { id: "test-0001", sql: "CREATE TABLE a (id int); INSERT INTO a VALUES (1);" };
const second = { id: "other-0001", sql: "CREATE TABLE b AS SELECT id FROM a" };

describeDatabases(({ open, openAgain }) => {
  test("steps are applied once, in their order", async () => {
    const db = await open([first]);
    await migrate(db, [first, second]);
    await migrate(db, [first, second]);
    expect(await db.query("SELECT id FROM b")).toEqual([{ id: 1 }]);
    expect(await db.query("SELECT id FROM waybill_migration ORDER BY applied_at")).toEqual([
      { id: "test-0001" },
      { id: "other-0001" },
    ]);
  });

  test("many that do it at the same time do it once", async () => {
    const db = await open();
    const others = await Promise.all([openAgain(), openAgain(), openAgain()]);
    await Promise.all([db, ...others].map((each) => migrate(each, [first, second])));
    expect(await db.query("SELECT count(*)::int AS count FROM a")).toEqual([{ count: 1 }]);
  });

  test("a database of a newer version is refused, and nothing is changed in it", async () => {
    const db = await open([first, second]);
    await expect(migrate(db, [first, { id: "test-0002", sql: "DROP TABLE a" }])).rejects.toMatchObject({
      code: "newer",
      message: "the database is of a newer version of Waybill: it has other-0001",
      where: db.where,
    });
    expect(await db.query("SELECT id FROM a")).toEqual([{ id: 1 }]);
  });

  test("a step that is not what was applied is refused", async () => {
    const db = await open([first]);
    const changed = { ...first, sql: `${first.sql} ` };
    await expect(migrate(db, [changed, second])).rejects.toMatchObject({ code: "changed" });
  });

  test("a step that fails leaves nothing, and the ones before it count", async () => {
    const db = await open();
    const failing = { id: "test-0002", sql: "CREATE TABLE c (id int); SELECT * FROM nothing" };
    await expect(migrate(db, [first, failing, second])).rejects.toMatchObject({ code: "statement-failed" });
    expect(
      await db.query("SELECT to_regclass('a') AS a, to_regclass('b') AS b, to_regclass('c') AS c"),
    ).toEqual([{ a: "a", b: null, c: null }]);
    await migrate(db, [first, { ...failing, sql: "CREATE TABLE c (id int)" }, second]);
    expect(await db.query("SELECT * FROM b, a")).toHaveLength(1);
  });
});

describePostgres("beside a process that uses the tables", () => {
  const { open, openAgain } = usePostgres();

  test("a step waits for a moment again and again, and nobody waits behind it for long", async () => {
    const db = await open([first]);
    const other = await openAgain();
    const isRead = promised<void>();
    const isTold = promised<void>();
    const reading = other.transaction(async (sql) => {
      await sql.script("SET LOCAL idle_in_transaction_session_timeout = 0; SELECT * FROM a");
      isRead.resolve();
      await isTold.promise;
    });
    await isRead.promise;
    const changing = migrate(db, [first, { id: "test-0002", sql: "ALTER TABLE a ADD COLUMN more text" }]);
    const third = await openAgain();
    // Behind who waits for the whole table; it gives up before this would time out.
    expect(await third.query("SELECT id FROM a")).toEqual([{ id: 1 }]);
    isTold.resolve();
    await reading;
    await changing;
    expect(await db.query("SELECT * FROM a")).toEqual([{ id: 1, more: null }]);
  });
});
