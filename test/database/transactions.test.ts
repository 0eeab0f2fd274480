import { expect, test } from "vitest";
import { DatabaseError, type Sql } from "../../src/database/index.ts";
import { describeDatabases, describePostgres, usePostgres } from "../support/databases.ts";
import { promised } from "../support/promised.ts";

const counters = [
  { id: "test-0001", sql: "CREATE TABLE counter (name text PRIMARY KEY, value int NOT NULL)" },
];

describeDatabases(({ open, openAgain }) => {
  test("what a transaction does counts as a whole, or not at all", async () => {
    const db = await open(counters);
    await db.transaction(async (sql) => {
      await sql.query("INSERT INTO counter VALUES ('a', 1)");
      await sql.script("INSERT INTO counter VALUES ('b', 2); INSERT INTO counter VALUES ('c', 3)");
    });
    const failing = db.transaction(async (sql) => {
      await sql.query("DELETE FROM counter");
      throw new Error("of its own");
    });
    await expect(failing).rejects.toThrow("of its own");
    expect(await db.query("SELECT name FROM counter ORDER BY name")).toEqual([
      { name: "a" },
      { name: "b" },
      { name: "c" },
    ]);
  });

  test("a transaction gives what its work gives", async () => {
    const db = await open(counters);
    expect(await db.transaction(async (sql) => (await sql.query("SELECT 1 AS one"))[0])).toEqual({ one: 1 });
  });

  test("a transaction whose statement failed says that it counts for nothing, whoever caught that", async () => {
    const db = await open(counters);
    const deaf = db.transaction(async (sql) => {
      await sql.query("INSERT INTO counter VALUES ('a', 1)");
      await sql.query("SELECT * FROM nothing").catch(() => undefined);
    });
    await expect(deaf).rejects.toMatchObject({ code: "statement-failed" });
    expect(await db.query("SELECT * FROM counter")).toEqual([]);
  });

  test("many transactions at the same time lose nothing of each other", async () => {
    const db = await open(counters);
    const other = await openAgain();
    await db.query("INSERT INTO counter VALUES ('a', 0)");
    const count = (each: typeof db) =>
      each.transaction(async (sql) => {
        const [row] = await sql.query<{ value: number }>(
          "SELECT value FROM counter WHERE name = 'a' FOR UPDATE",
        );
        await sql.query("UPDATE counter SET value = $1 WHERE name = 'a'", [(row?.value ?? 0) + 1]);
      });
    await Promise.all(Array.from({ length: 40 }, (_, at) => count(at % 2 === 0 ? db : other)));
    expect(await db.query("SELECT value FROM counter")).toEqual([{ value: 40 }]);
  });

  test("in a transaction the database itself is refused, where it would wait for its own end", async () => {
    const db = await open(counters);
    const outside = db.transaction(async () => {
      await db.query("SELECT 1");
    });
    await expect(outside).rejects.toThrow(TypeError);
    await expect(db.transaction(() => db.transaction(async () => undefined))).rejects.toThrow(TypeError);
    expect(await db.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("nothing is asked of a transaction that is over", async () => {
    const db = await open(counters);
    let kept: Sql | undefined;
    await db.transaction(async (sql) => {
      kept = sql;
    });
    await expect(kept?.query("SELECT 1")).rejects.toThrow("the transaction is over");
    await expect(kept?.script("SELECT 1")).rejects.toThrow("the transaction is over");
  });

  test("a constraint that refuses is named, and the values of the statement are not", async () => {
    const db = await open(counters);
    await db.query("INSERT INTO counter VALUES ($1, 1)", ["hidden"]);
    const again = await db
      .query("INSERT INTO counter VALUES ($1, 1)", ["hidden"])
      .catch((error: unknown) => error);
    expect(again).toBeInstanceOf(DatabaseError);
    expect(again).toMatchObject({ code: "conflict", constraint: "counter_pkey", where: db.where });
    expect(JSON.stringify(again, Object.getOwnPropertyNames(again))).not.toContain("hidden");
  });

  test("a statement that is wrong says why", async () => {
    const db = await open();
    await expect(db.query("SELEKT 1")).rejects.toMatchObject({
      code: "statement-failed",
      message: 'syntax error at or near "SELEKT" (SQLSTATE 42601)',
    });
    expect(await db.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("a notice is heard once its transaction counts, and not if it does not", async () => {
    const db = await open();
    const heard: string[] = [];
    const last = promised<void>();
    const stop = await db.listen("waybill_test", (payload) => {
      heard.push(payload);
      if (payload === "last") last.resolve();
    });
    const other: string[] = [];
    await db.listen("waybill_other", (payload) => other.push(payload));
    await db.transaction(async (sql) => {
      await sql.query("SELECT pg_notify($1, $2)", ["waybill_test", "first"]);
    });
    await expect(
      db.transaction(async (sql) => {
        await sql.query("SELECT pg_notify($1, $2)", ["waybill_test", "never"]);
        throw new Error("of its own");
      }),
    ).rejects.toThrow("of its own");
    await db.query("SELECT pg_notify($1, $2)", ["waybill_test", "last"]);
    await last.promise;
    expect(heard).toEqual(["first", "last"]);
    expect(other).toEqual([]);
    await stop();
    await expect(db.listen("a; DROP TABLE b", () => undefined)).rejects.toThrow(TypeError);
  });

  test("whoever hears a notice may ask the database", async () => {
    const db = await open(counters);
    const answered = promised<unknown>();
    await db.listen("waybill_test", () => answered.resolve(db.query("SELECT value FROM counter")));
    await db.transaction(async (sql) => {
      await sql.query("INSERT INTO counter VALUES ('a', 7)");
      await sql.query("SELECT pg_notify('waybill_test', '')");
    });
    expect(await answered.promise).toEqual([{ value: 7 }]);
  });

  test("a closed database refuses", async () => {
    const db = await open();
    await db.close();
    await db.close();
    await expect(db.query("SELECT 1")).rejects.toMatchObject({ code: "closed" });
    await expect(db.transaction(async () => undefined)).rejects.toMatchObject({ code: "closed" });
    await expect(db.listen("waybill_test", () => undefined)).rejects.toMatchObject({ code: "closed" });
  });
});

describePostgres("transactions that get into each other's way", () => {
  const { open, openAgain } = usePostgres();

  test("are carried out again, until both count", async () => {
    const db = await open(counters);
    const other = await openAgain();
    await db.script("INSERT INTO counter VALUES ('a', 0); INSERT INTO counter VALUES ('b', 0)");
    let attempts = 0;
    const bothAreIn = promised<void>();
    let inside = 0;
    const update = async (sql: Sql, name: string) =>
      sql.query("UPDATE counter SET value = value + 1 WHERE name = $1", [name]);
    const crossing = (each: typeof db, first: string, second: string) =>
      each.transaction(async (sql) => {
        attempts += 1;
        await update(sql, first);
        inside += 1;
        if (inside === 2) bothAreIn.resolve();
        await bothAreIn.promise;
        await update(sql, second);
      });
    await Promise.all([crossing(db, "a", "b"), crossing(other, "b", "a")]);
    expect(await db.query("SELECT name, value FROM counter ORDER BY name")).toEqual([
      { name: "a", value: 2 },
      { name: "b", value: 2 },
    ]);
    expect(attempts).toBeGreaterThanOrEqual(3);
  });
});
