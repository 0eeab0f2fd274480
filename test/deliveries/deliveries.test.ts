import { expect, test } from "vitest";
import type { Sql } from "../../src/database/index.ts";
import {
  acceptDelivery,
  deliveriesMigrations,
  deliveryChannel,
  forgetDeliveries,
  listDeliveries,
  openIntake,
  processDeliveries,
} from "../../src/deliveries/index.ts";
import type { Delivery } from "../../src/webhooks/index.ts";
import { describeDatabases } from "../support/databases.ts";

const push: Delivery = {
  ...{ source: "forge", sender: "github", id: "d-1", event: "push" },
  ...{ repositoryUrls: ["https://git.example.org/a/b"], refs: ["refs/heads/main"] },
  ...{ pull: undefined, comment: undefined, registry: [] },
};
const ping: Delivery = { ...push, id: "d-2", event: "ping", repositoryUrls: [], refs: [] };
const start = new Date("2026-05-01T12:00:00Z");
const after = (milliseconds: number) => new Date(start.getTime() + milliseconds);

describeDatabases(({ open, openAgain }) => {
  test("is kept once, handed over once, and told of", async () => {
    const db = await open(deliveriesMigrations);
    let tell: (payload: string) => void = () => {};
    const told = new Promise<string>((resolve) => {
      tell = resolve;
    });
    const stop = await db.listen(deliveryChannel, tell);
    expect(await acceptDelivery(db, push, start)).toBe("new");
    expect(await told).toBe("");
    await stop();
    expect(await acceptDelivery(db, push, start)).toBe("known");
    expect(await acceptDelivery(db, { ...push, source: "other" }, start)).toBe("new");
    const handled: Delivery[] = [];
    const handle = async (_: unknown, given: readonly Delivery[]) => void handled.push(...given);
    expect(await processDeliveries(db, handle, start)).toBe(2);
    expect(handled).toEqual([push, { ...push, source: "other" }]);
    expect(await acceptDelivery(db, push, start)).toBe("known");
    expect(await processDeliveries(db, handle, after(1e9))).toBe(0);
    expect(await listDeliveries(db, { limit: 10 })).toMatchObject([
      { source: "other", outcome: "done", arrivals: 1 },
      { source: "forge", outcome: "done", arrivals: 3, attempts: 0 },
    ]);
  });

  test("that comes with many others is written with them, and told apart from its replay", async () => {
    const db = await open(deliveriesMigrations);
    let transactions = 0;
    const counted = {
      ...db,
      query: db.query,
      transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
        transactions += 1;
        return db.transaction(work);
      },
    };
    const keep = openIntake(counted);
    const ids = Array.from({ length: 150 }, (_, at) => `d-${at % 140}`);
    const kept = await Promise.all(ids.map((id) => keep({ ...push, id }, start)));
    expect(kept.filter((outcome) => outcome === "new")).toHaveLength(140);
    expect(kept.slice(140)).toEqual(Array(10).fill("known"));
    expect(transactions).toBeLessThan(5);
    const handled: string[] = [];
    const handle = async (_: unknown, given: readonly Delivery[]) => {
      handled.push(...given.map(({ id = "" }) => id));
    };
    expect(await processDeliveries(db, handle, start)).toBe(140);
    expect(new Set(handled).size).toBe(140);
  });

  test("that the database refuses leaves those that came with it alone", async () => {
    const db = await open(deliveriesMigrations);
    const keep = openIntake(db);
    const wrong = { ...push, id: "d-wrong", sender: null as unknown as Delivery["sender"] };
    const kept = await Promise.allSettled([
      keep(push, start),
      keep(ping, start),
      keep(wrong, start),
      keep(push, start),
    ]);
    expect(kept.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(await listDeliveries(db, { limit: 10 })).toHaveLength(2);
  });

  test("that cannot be handled keeps none of those that came with it waiting", async () => {
    const db = await open(deliveriesMigrations);
    for (const id of ["d-1", "d-2", "d-3"]) await acceptDelivery(db, { ...push, id }, start);
    const handled: string[] = [];
    const handle = async (sql: Sql, given: readonly Delivery[]): Promise<void> => {
      if (given.some(({ id }) => id === "d-2")) await sql.query("SELECT 1 / 0");
      handled.push(...given.map(({ id = "" }) => id));
    };
    await processDeliveries(db, handle, start);
    expect(new Set(handled)).toEqual(new Set(["d-1", "d-3"]));
    const outcomes = (await listDeliveries(db, { limit: 10 })).map(({ id, outcome }) => [id, outcome]);
    expect(Object.fromEntries(outcomes)).toEqual({ "d-1": "done", "d-2": "waiting", "d-3": "done" });
  });

  test("hints at nothing and is kept all the same", async () => {
    const db = await open(deliveriesMigrations);
    expect(await acceptDelivery(db, ping, start)).toBe("new");
    expect(await acceptDelivery(db, ping, start)).toBe("known");
    const handle = async () => expect.unreachable();
    expect(await processDeliveries(db, handle, after(1e9))).toBe(0);
    expect(await listDeliveries(db, { limit: 10 })).toMatchObject([{ event: "ping", outcome: "done" }]);
  });

  test("of a sender without names is one of its own each time", async () => {
    const db = await open(deliveriesMigrations);
    for (let time = 0; time < 3; time += 1) {
      expect(await acceptDelivery(db, { ...push, id: undefined }, start)).toBe("new");
    }
    const [newest, ...older] = await listDeliveries(db, { limit: 1 });
    expect(older).toEqual([]);
    expect(await listDeliveries(db, { limit: 5, before: newest?.number })).toHaveLength(2);
  });

  test("writes what handling it wrote, or nothing, and is tried again for a while", async () => {
    const db = await open(deliveriesMigrations);
    await db.script("CREATE TABLE mark (id text)");
    await acceptDelivery(db, push, start);
    let isBroken = true;
    const handle = async (sql: Sql) => {
      await sql.query("INSERT INTO mark VALUES ('x')");
      if (isBroken) throw new Error("no\u001b way");
    };
    const marks = async () => (await db.query("SELECT * FROM mark")).length;
    expect(await processDeliveries(db, handle, start)).toBe(1);
    expect(await processDeliveries(db, handle, after(4_999))).toBe(0);
    expect(await marks()).toBe(0);
    expect(await listDeliveries(db, { limit: 1 })).toMatchObject([
      { outcome: "waiting", attempts: 1, failure: "no\\u{1b} way" },
    ]);
    for (let attempt = 1; attempt < 6; attempt += 1)
      await processDeliveries(db, handle, after(1e6 * attempt));
    expect(await listDeliveries(db, { limit: 1 })).toMatchObject([{ outcome: "failed", attempts: 6 }]);
    expect(await processDeliveries(db, handle, after(1e9))).toBe(0);

    // Delivered anew, it is the repair of what failed.
    isBroken = false;
    expect(await acceptDelivery(db, push, start)).toBe("again");
    expect(await processDeliveries(db, handle, start)).toBe(1);
    expect(await marks()).toBe(1);
    expect(await listDeliveries(db, { limit: 1 })).toMatchObject([{ outcome: "done", attempts: 0 }]);
    expect(await acceptDelivery(db, push, start)).toBe("known");
  });

  test("is forgotten when it has ended", async () => {
    const db = await open(deliveriesMigrations);
    await acceptDelivery(db, ping, start);
    await acceptDelivery(db, push, start);
    await forgetDeliveries(db, after(1));
    expect(await listDeliveries(db, { limit: 9 })).toMatchObject([{ event: "push" }]);
    expect(await acceptDelivery(db, ping, start)).toBe("new");
  });

  test("two hundred are kept and handed over once, by two who do it together", async () => {
    const db = await open(deliveriesMigrations);
    const second = await openAgain();
    const all = Array.from({ length: 200 }, (_, at) => ({ ...push, id: `d-${at}` }));
    const accepted = await Promise.all([...all, ...all].map((one) => acceptDelivery(db, one, start)));
    expect(accepted.filter((answer) => answer === "new")).toHaveLength(200);
    const handled: (string | undefined)[] = [];
    const handle = async (_: unknown, given: readonly Delivery[]) => {
      handled.push(...given.map(({ id }) => id));
    };
    const counts = await Promise.all([
      processDeliveries(db, handle, start),
      processDeliveries(second, handle, start),
    ]);
    expect(counts[0] + counts[1]).toBe(200);
    expect(new Set(handled).size).toBe(200);
  });
});
