import { describe, expect, it } from "vitest";
import type { Database } from "../../src/database/index.ts";
import { openTasks, type TaskKind } from "../../src/queue/index.ts";
import { describeDatabases } from "../support/databases.ts";
import { promised } from "../support/promised.ts";

const status: TaskKind = { name: "status", attempts: 3, retrySeconds: 1, attemptSeconds: 60 };

describeDatabases((databases) => {
  const open = async (): Promise<Database> => databases.open();

  describe("tasks", () => {
    it("are done once their transaction is committed, by whoever is free", async () => {
      const db = await open();
      const tasks = await openTasks(db, [status, { ...status, name: "notice" }]);
      const done = promised<unknown>();
      const stopping = new AbortController();
      const work = tasks.work("status", {
        concurrency: 2,
        signal: stopping.signal,
        carryOut: async ({ data, attempt }) => done.resolve({ data, attempt }),
      });
      await db.transaction((sql) => tasks.send(sql, "status", { run: "1" }));
      expect(await done.promise).toEqual({ data: { run: "1" }, attempt: 1 });
      stopping.abort();
      await work;
      expect(await tasks.counts()).toEqual(
        new Map([
          ["status", 0],
          ["notice", 0],
        ]),
      );
      await tasks.close();
    });

    it("are not there when their transaction fails", async () => {
      const db = await open();
      const tasks = await openTasks(db, [status]);
      const failing = db.transaction(async (sql) => {
        await tasks.send(sql, "status", { run: "1" });
        throw new Error("undone");
      });
      await expect(failing).rejects.toThrow("undone");
      expect(await tasks.counts()).toEqual(new Map([["status", 0]]));
      await tasks.close();
    });

    it("are tried again, and given up at last", async () => {
      const db = await open();
      const tasks = await openTasks(db, [{ ...status, attempts: 2 }]);
      const givenUp = promised<unknown>();
      const attempts: number[] = [];
      const stopping = new AbortController();
      const work = tasks.work("status", {
        concurrency: 1,
        signal: stopping.signal,
        carryOut: async ({ attempt }) => {
          attempts.push(attempt);
          throw new Error("the forge is down");
        },
        onFailure: (error, data, isLast) => isLast && givenUp.resolve({ error, data }),
      });
      await db.transaction((sql) => tasks.send(sql, "status", { run: "1" }));
      expect(await givenUp.promise).toEqual({ error: new Error("the forge is down"), data: { run: "1" } });
      expect(attempts).toEqual([1, 2]);
      stopping.abort();
      await work;
      await tasks.close();
    });

    it("are kept by a database that has them already", async () => {
      const db = await open();
      const first = await openTasks(db, [status]);
      await db.transaction((sql) => first.send(sql, "status", { run: "1" }));
      await first.close();
      const second = await openTasks(db, [status]);
      expect(await second.counts()).toEqual(new Map([["status", 1]]));
      await second.close();
    });
  });
});
