import { expect, test } from "vitest";
import { checkDatabase, type Database, DatabaseError, openDatabase } from "../../src/database/index.ts";
import { readPostgresUrl } from "../../src/database/postgres/address.ts";
import { openPostgres } from "../../src/database/postgres/postgres.ts";
import { describePostgres, usePostgres } from "../support/databases.ts";
import { promised } from "../support/promised.ts";
import { closeInTransaction } from "./hanging-transaction.ts";

/** Asks until there is an answer: a server that is started on a busy machine may take longer than anybody waits. */
async function answered(db: Database, text: string): Promise<unknown> {
  for (;;) {
    try {
      return await db.transaction((sql) => sql.query(text));
    } catch (error) {
      if (!(error instanceof DatabaseError && error.code === "unreachable")) throw error;
    }
  }
}

describePostgres("an outage of the server", () => {
  const { open, server } = usePostgres();

  test("is not brought about by several who begin to listen at once: a connection is asked one thing at a time", async () => {
    const db = await open([]);
    const warned: string[] = [];
    const onWarning = ({ name, message }: Error) => warned.push(`${name}: ${message}`);
    process.on("warning", onWarning);
    try {
      await Promise.all(["a", "b", "c", "d"].map((name) => db.listen(`waybill_${name}`, () => undefined)));
      const heard = promised<string>();
      await db.listen("waybill_e", (payload) => heard.resolve(payload));
      await db.query("SELECT pg_notify('waybill_e', 'all of them')");
      expect(await heard.promise).toBe("all of them");
    } finally {
      process.off("warning", onWarning);
    }
    expect(warned).toEqual([]);
  });

  test("is waited out by what asks meanwhile, notices are heard again, and who listens is told to look", async () => {
    const troubles: DatabaseError[] = [];
    const first = await open([{ id: "test-0001", sql: "CREATE TABLE a (id int)" }]);
    const db = await openDatabase({ url: first.where }, { onTrouble: (error) => troubles.push(error) });
    try {
      const restored = promised<void>();
      const heard = promised<string>();
      await db.listen("waybill_test", (payload) => heard.resolve(payload), restored.resolve);
      await db.query("INSERT INTO a VALUES (1)");
      await server().stop();
      const asking = answered(db, "SELECT id FROM a");
      await server().start();
      expect(await asking).toEqual([{ id: 1 }]);
      await restored.promise;
      await db.query("SELECT pg_notify('waybill_test', 'after')");
      expect(await heard.promise).toBe("after");
      expect(troubles.map(({ message }) => message)).toContain("the connection of notices was lost");
    } finally {
      await db.close();
    }
  });

  test("in the middle of a transaction leaves nothing of it, and says so", async () => {
    const db = await open([{ id: "test-0001", sql: "CREATE TABLE a (id int)" }]);
    const cut = db.transaction(async (sql) => {
      await sql.query("INSERT INTO a VALUES (1)");
      await server().stop();
      await sql.query("INSERT INTO a VALUES (2)");
    });
    await expect(cut).rejects.toMatchObject({ code: "unreachable" });
    await server().start();
    expect(await db.query("SELECT id FROM a")).toEqual([]);
  });

  test("while a transaction is committed leaves in doubt whether it counts, and says so", async () => {
    const db = await open([{ id: "test-0001", sql: "CREATE TABLE a (id int)" }]);
    const cut = db.transaction(async (sql) => {
      await sql.query("INSERT INTO a VALUES (1)");
      await server().stop();
    });
    await expect(cut).rejects.toMatchObject({ code: "in-doubt" });
    await server().start();
    expect(await db.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("keeps nobody from closing", async () => {
    const db = await open();
    await db.listen("waybill_test", () => undefined);
    await server().stop();
    await db.close();
    await server().start();
  });
});

describePostgres("a server", () => {
  const { open, server } = usePostgres();

  test("whose process holds a transaction open is closed nevertheless", async () => {
    const first = await open([{ id: "test-0001", sql: "CREATE TABLE a (id int)" }]);
    await closeInTransaction(await openPostgres(first.where, {}));
    expect(await first.query("SELECT id FROM a")).toEqual([]);
  });

  test("that does not know the database says so at once", async () => {
    const refused = openDatabase({ url: server().url("nothing") });
    await expect(refused).rejects.toMatchObject({ code: "refused", hint: "create the database first" });
  });

  test("gets no password shown for it that is wrong", async () => {
    const url = server().url("nothing").replace("waybill@", "waybill:s3cret@");
    const error = await openDatabase({ url }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DatabaseError);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("s3cret");
  });

  test("is looked at without a change", async () => {
    const step = { id: "test-0001", sql: "CREATE TABLE a (id int)" };
    const later = { id: "test-0002", sql: "CREATE TABLE b (id int)" };
    const db = await open([step]);
    expect(await checkDatabase({ url: db.where }, [step, later])).toMatchObject({
      kind: "postgres",
      where: db.where,
      version: expect.stringMatching(/^\d+\./),
      pending: ["test-0002"],
      problem: undefined,
    });
    expect((await checkDatabase({ url: db.where }, [later])).problem).toMatchObject({ code: "newer" });
    expect((await checkDatabase({ url: server().url("nothing") }, [step])).problem).toMatchObject({
      code: "refused",
    });
    expect((await checkDatabase({ url: "postgres://user:s3cret@:x/" }, [step])).problem).toMatchObject({
      code: "invalid-url",
    });
    expect(await db.query("SELECT to_regclass('b') AS b")).toEqual([{ b: null }]);
  });

  test("ends a statement of a process that was stopped in the middle of a transaction", async () => {
    const db = await open();
    expect(await db.query("SHOW idle_in_transaction_session_timeout")).toEqual([
      { idle_in_transaction_session_timeout: "10s" },
    ]);
    expect(await db.query("SHOW statement_timeout")).toEqual([{ statement_timeout: "1min" }]);
  });
});

test("an address that nobody answers at is unreachable, and its password is not shown", async () => {
  const address = readPostgresUrl("postgres://user:s3cret@127.0.0.1:1/name?sslmode=disable");
  expect(address.where).toBe("postgres://user@127.0.0.1:1/name");
});

test("a URL says all that a connection needs", () => {
  expect(readPostgresUrl("postgres://us%40er:p%3Aw@[::1]:5433/na%20me").connection).toEqual({
    host: "::1",
    port: 5433,
    user: "us@er",
    password: "p:w",
    database: "na me",
    ssl: false,
  });
  expect(readPostgresUrl("postgresql:///name?host=/run/postgresql&port=5433").connection).toEqual({
    host: "/run/postgresql",
    port: 5433,
    database: "name",
    ssl: false,
  });
  const secure = readPostgresUrl("postgres://host/name?sslmode=verify-full").connection.ssl;
  expect(secure).toEqual({});
  const anybody = readPostgresUrl("postgres://host/name?sslmode=require").connection.ssl;
  expect(anybody).toEqual({ rejectUnauthorized: false });
});

test.each([
  ["s3cret", "this is not the URL of a database"],
  ["mysql://user:s3cret@host/name", "this is not the URL of a database"],
  ["postgres://user:s3cret@host:port/name", "this is not the URL of a database"],
  [
    "postgres://user:s3cret@host/name?sslmode=prefer",
    "sslmode is disable, require, verify-ca or verify-full here, not prefer",
  ],
  ["postgres://user:s3cret@host/name?options=-c", "this parameter is not known: options"],
  ["postgres://user:s3cret%@host/name", "a % stands in it that begins no escape"],
  [
    "postgres://user:s3cret@host/name?sslmode=verify-ca&sslrootcert=/nothing/s",
    "the file of sslrootcert cannot be read: ENOENT",
  ],
])("a URL that says something else is refused, and not shown", (url, message) => {
  const read = () => readPostgresUrl(url);
  expect(read).toThrow(
    expect.objectContaining({ code: "invalid-url", message: expect.stringContaining(message) }),
  );
  try {
    read();
  } catch (error) {
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("s3cret");
  }
});
