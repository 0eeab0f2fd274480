import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/database/index.ts";
import { openQueue, type Queue, queueMigrations } from "../../src/queue/index.ts";
import { sourceUrl } from "../support/built.ts";
import { start as startProgram } from "../support/child.ts";
import { describePostgres, usePostgres } from "../support/databases.ts";
import { temporaryFolder } from "../support/tree.ts";
import { ask, startWorker, untilState } from "./support.ts";

/** Between two looks at something that nobody tells of. */
const aWhile = () => sleep(20);

interface Noted {
  readonly run: string;
  readonly attempt: number;
  readonly pid: number;
  readonly event: string;
}

describe("a server with an embedded database", () => {
  it("takes up at once what it ran when it was killed", { timeout: 120_000 }, async () => {
    const folder = await temporaryFolder("queue");
    const script = join(import.meta.dirname, "worker-process.mjs");
    const doors = [sourceUrl("queue/index.ts"), sourceUrl("database/index.ts")];
    const argv = [script, ...doors, join(folder.path, "database"), "1"];
    try {
      const first = await startProgram(process.execPath, argv);
      expect(JSON.parse(first.firstLine)).toEqual({ state: "running", attempt: 1, crashes: 0 });
      await first.kill();
      const second = await startProgram(process.execPath, argv);
      expect(JSON.parse(second.firstLine)).toMatchObject({ attempt: 2, crashes: 1 });
      await second.kill();
    } finally {
      await folder.remove();
    }
  });
});

describePostgres("workers that are processes", () => {
  const databases = usePostgres();
  const processes: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of processes.splice(0)) await endOf(child, "SIGKILL");
  });
  const endOf = async (child: ChildProcess, signal?: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "close");
    if (signal === undefined) child.stdin?.end();
    else child.kill(signal);
    await ended;
  };
  const open = async (): Promise<{ db: Database; queue: Queue }> => {
    const db = await databases.open(queueMigrations);
    await db.script(
      "CREATE TABLE history (at bigserial PRIMARY KEY, run bigint, attempt int, pid int, event text)",
    );
    return { db, queue: openQueue(db) };
  };
  const start = (db: Database, concurrency: number) => {
    const script = join(import.meta.dirname, "worker-process.mjs");
    const doors = [sourceUrl("queue/index.ts"), sourceUrl("database/index.ts")];
    const argv = [script, ...doors, db.where, String(concurrency)];
    const child = spawn(process.execPath, argv, { stdio: ["pipe", "ignore", "ignore"] });
    processes.push(child);
    return child;
  };
  const historyOf = (db: Database) =>
    db.query<Noted>("SELECT run, attempt, pid, event FROM history ORDER BY at");
  const untilNoted = async (db: Database, event: string, pid?: number) => {
    for (;;) {
      const history = await historyOf(db);
      if (history.some((noted) => noted.event === event && (pid ?? noted.pid) === noted.pid)) return;
      await aWhile();
    }
  };

  it("keep to limits that they share, always", async () => {
    const { db, queue } = await open();
    await queue.setCapacities({ large: 3 });
    for (let at = 0; at < 3; at += 1) start(db, 4);
    const groups = new Map<string, { readonly group: string; readonly most: number }>();
    for (let at = 0; at < 40; at += 1) {
      const key = String(at);
      const mutex = await ask(db, { kind: "short", job: `m-${at}`, key, mutex: "production" });
      groups.set(mutex.id, { group: "mutex", most: 1 });
      const job = await ask(db, { kind: "short", job: "pair", key, maxConcurrency: 2 });
      groups.set(job.id, { group: "job", most: 2 });
      const label = await ask(db, { kind: "short", job: `l-${at}`, key, capacity: "large" });
      groups.set(label.id, { group: "capacity", most: 3 });
    }
    for (const id of groups.keys()) await untilState(queue, id, "ended");
    const running = new Map<string, Set<string>>();
    const over: string[] = [];
    const history = await historyOf(db);
    for (const { run, event } of history) {
      const { group, most } = groups.get(run) ?? { group: "none", most: 0 };
      const now = running.get(group) ?? new Set();
      running.set(group, now);
      if (event === "end") now.delete(run);
      else if (now.add(run).size > most) over.push(`${group} ${[...now]}`);
    }
    expect(over).toEqual([]);
    expect(new Set(history.filter(({ event }) => event === "end").map(({ run }) => run)).size).toBe(120);
    expect(new Set(history.map(({ pid }) => pid)).size).toBeGreaterThan(1);
  });

  it("take up the runs of one that was killed", async () => {
    const { db, queue } = await open();
    const first = start(db, 1);
    const { id } = await ask(db, { kind: "stuck", mutex: "production" });
    await untilNoted(db, "start");
    const second = start(db, 1);
    await endOf(first, "SIGKILL");
    const run = await untilState(queue, id, "ended");
    expect(run).toMatchObject({ result: "SUCCESS", attempt: 2, crashes: 1 });
    expect((await historyOf(db)).map(({ pid, event }) => [pid, event])).toEqual([
      [first.pid, "start"],
      [second.pid, "start"],
      [second.pid, "end"],
    ]);
  });

  it("refuse themselves when they were asleep, and cannot write by the tables", async () => {
    const { db, queue } = await open();
    const first = start(db, 1);
    const { id } = await ask(db, { kind: "writing" });
    await untilNoted(db, "write", first.pid);
    const second = start(db, 1);
    first.kill("SIGSTOP");
    await untilNoted(db, "write", second.pid);
    first.kill("SIGCONT");
    const run = await untilState(queue, id, "ended");
    expect(run).toMatchObject({ result: "SUCCESS", attempt: 2 });
    const history = await historyOf(db);
    const writers = history.filter(({ event }) => event === "write").map(({ pid }) => pid);
    expect(writers.slice(writers.indexOf(second.pid ?? 0))).not.toContain(first.pid);
    expect(history.filter(({ event }) => event === "refused").map(({ pid }) => pid)).toEqual([first.pid]);
  });

  it("hand over when they are to stop", async () => {
    const { db, queue } = await open();
    const first = start(db, 1);
    const { id } = await ask(db, { kind: "stuck" });
    await untilNoted(db, "start");
    await endOf(first);
    expect(await queue.read(id)).toMatchObject({ state: "waiting", attempt: 1, crashes: 0 });
    expect(await queue.workers()).toEqual([]);
  });

  describe("while the database is away", () => {
    it("run nothing twice", async () => {
      const { db } = await open();
      for (let at = 0; at < 2; at += 1) start(db, 4);
      const ids: string[] = [];
      for (let round = 0; round < 3; round += 1) {
        for (let at = 0; at < 30; at += 1) {
          ids.push((await ask(db, { kind: "short", key: `${round}-${at}` })).id);
        }
        await untilNoted(db, "start");
        await databases.server().stop();
        await databases.server().start();
      }
      const after = await databases.openAgain();
      const again = openQueue(after);
      for (const id of ids) await untilState(again, id, "ended");
      const runs = await Promise.all(ids.map((id) => again.read(id)));
      expect(runs.filter(({ result }) => result !== "SUCCESS")).toEqual([]);
      const ends = (await historyOf(after)).filter(({ event }) => event === "end");
      const attempts = new Map<string, number>();
      for (const { run, attempt } of ends) attempts.set(run, Math.max(attempt, attempts.get(run) ?? 0));
      expect(runs.filter(({ id, attempt }) => attempts.get(id) !== attempt)).toEqual([]);
    });

    it("go on with what they run once it is back, and nobody else takes it", async () => {
      const { db } = await open();
      const worker = startWorker(db);
      const { id } = await ask(db);
      const taken = await worker.taken(id);
      await databases.server().stop();
      // Nobody may write once the lease may have run out.
      while (taken.isMine()) await aWhile();
      const mine = taken.stillMine();
      await databases.server().start();
      expect(await mine).toBe(true);
      expect(taken.isMine()).toBe(true);
      worker.finish(id);
      const queue = openQueue(await databases.openAgain());
      expect(await untilState(queue, id, "ended")).toMatchObject({
        result: "SUCCESS",
        attempt: 1,
        crashes: 0,
      });
      await worker.stop();
    });
  });
});
