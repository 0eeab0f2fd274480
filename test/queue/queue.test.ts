import { afterEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/database/index.ts";
import {
  askForRun,
  forgetWorkers,
  openQueue,
  type Queue,
  type QueuedRun,
  queueMigrations,
  type RunFilter,
  type RunList,
} from "../../src/queue/index.ts";
import { describeDatabases } from "../support/databases.ts";
import { ask, askOf, startWorker, type TestWorker, until, untilState } from "./support.ts";

describeDatabases((databases) => {
  const workers: TestWorker[] = [];
  const start = (...given: Parameters<typeof startWorker>) => {
    const worker = startWorker(...given);
    workers.push(worker);
    return worker;
  };
  afterEach(async () => {
    for (const worker of workers.splice(0)) await worker.stop();
  });
  const open = async (): Promise<{ db: Database; queue: Queue }> => {
    const db = await databases.open(queueMigrations);
    return { db, queue: openQueue(db) };
  };

  describe("a run that is asked for", () => {
    it("waits, is carried out and ends", async () => {
      const { db, queue } = await open();
      const { id, outcome } = await ask(db, { ref: "refs/heads/main", input: { dir: "images" } });
      expect(outcome).toBe("queued");
      expect(await queue.read(id)).toMatchObject({ state: "waiting", attempt: 0, input: { dir: "images" } });
      const worker = start(db);
      const taken = await worker.taken(id);
      expect(taken).toMatchObject({
        id,
        state: "running",
        attempt: 1,
        ref: "refs/heads/main",
        commit: undefined,
      });
      expect(taken.isMine()).toBe(true);
      worker.finish(id, { result: "SUCCESS", details: { summary: "built 3 images" } });
      const ended = await untilState(queue, id, "ended");
      expect(ended).toMatchObject({ result: "SUCCESS", details: { summary: "built 3 images" } });
      expect(taken.isMine()).toBe(false);
      expect(await taken.stillMine()).toBe(false);
      expect(await db.query("SELECT * FROM queue_slot")).toEqual([]);
    });

    it("is not there when the transaction that asked for it fails", async () => {
      const { db, queue } = await open();
      const failing = db.transaction(async (sql) => {
        await askForRun(sql, askOf());
        throw new Error("the push could not be remembered");
      });
      await expect(failing).rejects.toThrow("remembered");
      expect((await queue.list({ limit: 10 })).runs).toEqual([]);
    });

    it("is an error when what carries it out throws", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db);
      const worker = start(db);
      await worker.taken(id);
      worker.finish(id, new Error("no such kind"));
      expect(await untilState(queue, id, "ended")).toMatchObject({
        result: "ERROR",
        details: { summary: "no such kind" },
      });
    });

    it("ends together with what others add to its end", async () => {
      const db = await databases.open(queueMigrations);
      await db.script("CREATE TABLE told (id bigint)");
      let refusals = 1;
      const queue = openQueue(db, {
        onEnd: async (sql, run) => {
          await sql.query("INSERT INTO told VALUES ($1)", [run.id]);
          refusals -= 1;
          if (refusals >= 0) throw new Error("not yet");
        },
      });
      const { id } = await ask(db);
      const worker = start(db, { queue, carryOut: async () => ({ result: "SUCCESS" }) });
      await untilState(queue, id, "ended");
      expect(await db.query("SELECT * FROM told")).toEqual([{ id }]);
      expect(worker.problems).toEqual([new Error("not yet")]);
    });
  });

  describe("runs of one key", () => {
    it("are one while they wait, with the newer content, the older place and all causes", async () => {
      const { db, queue } = await open();
      const first = await ask(db, { commit: "a".repeat(40), input: { head: 1 }, priority: 5 });
      const before = await queue.read(first.id);
      const cause = { by: "push", text: "push by ann", at: "2026-01-02T00:00:00.000Z", who: "ann" } as const;
      const second = await ask(db, { commit: "b".repeat(40), input: { head: 2 }, priority: 1, cause });
      expect(second).toEqual({ id: first.id, outcome: "coalesced", state: "waiting" });
      const run = await queue.read(first.id);
      expect(run).toMatchObject({ commit: "b".repeat(40), input: { head: 2 }, priority: 5 });
      expect(run.askedAt).toEqual(before.askedAt);
      expect(run.causes).toEqual([...before.causes, cause]);
    });

    it("keep a bounded list of causes", async () => {
      const { db, queue } = await open();
      for (let at = 0; at < 30; at += 1) {
        await ask(db, { cause: { by: "push", text: `push ${at}`, at: "2026-01-02T00:00:00.000Z" } });
      }
      const [run] = (await queue.list({ limit: 2 })).runs;
      expect(run?.causes.map(({ text }) => text)).toEqual([
        "push 0",
        ...range(11, 30).map((at) => `push ${at}`),
      ]);
      expect(run?.moreCauses).toBe(10);
    });

    it("wait for the one that runs", async () => {
      const { db, queue } = await open();
      const worker = start(db);
      const { id } = await ask(db);
      await worker.taken(id);
      const behind = await ask(db);
      expect(behind.outcome).toBe("queued");
      expect(await queue.whyWaiting([behind.id, id])).toEqual(
        new Map([[behind.id, { for: "key", run: id }]]),
      );
      expect(await ask(db)).toMatchObject({ id: behind.id, outcome: "coalesced" });
      worker.finish(id);
      await worker.taken(behind.id);
      worker.finish(behind.id);
      await untilState(queue, behind.id, "ended");
    });

    it("are one whoever asks at the same time", async () => {
      const { db } = await open();
      const asked = await Promise.all(range(0, 8).map(() => ask(db)));
      expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
      expect(asked.filter(({ outcome }) => outcome === "queued")).toHaveLength(1);
    });

    it("are several when they are of different jobs", async () => {
      const { db } = await open();
      const [a, b] = [await ask(db, { job: "a" }), await ask(db, { job: "b" })];
      expect(a.id).not.toBe(b.id);
    });
  });

  describe("a held run", () => {
    it("waits for its release, and who asks again does not release it", async () => {
      const { db, queue } = await open();
      const { id, state } = await ask(db, { held: "the job holds each run" });
      expect(state).toBe("held");
      expect(await ask(db)).toEqual({ id, outcome: "coalesced", state: "held" });
      expect(await queue.whyWaiting([id])).toEqual(
        new Map([[id, { for: "release", why: "the job holds each run" }]]),
      );
      const worker = start(db);
      const released = await db.transaction((sql) => queue.release(sql, id));
      expect(released).toMatchObject({ state: "waiting", held: undefined });
      await worker.taken(id);
      await expect(db.transaction((sql) => queue.release(sql, id))).rejects.toMatchObject({
        code: "not-held",
      });
    });

    it("is held again by what comes after its release and before its start", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db, { held: "each is looked at", commit: "a".repeat(40) });
      await db.transaction((sql) => queue.release(sql, id));
      const newer = await ask(db, { held: "each is looked at", commit: "b".repeat(40) });
      expect(newer).toEqual({ id, outcome: "coalesced", state: "held" });
    });

    it("can be made of one that waits", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db);
      expect(await db.transaction((sql) => queue.hold(sql, id, "freeze"))).toMatchObject({ state: "held" });
      expect((await queue.read(id)).held).toBe("freeze");
      await expect(db.transaction((sql) => queue.hold(sql, id, "freeze"))).rejects.toMatchObject({
        code: "not-waiting",
      });
    });

    it("is held once more when it is aborted and asked for again", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db, { held: "each is looked at" });
      await db.transaction((sql) => queue.abort(sql, id, { who: "ann", why: "not today" }));
      const cause = { by: "hand", text: "again", at: "2026-01-02T00:00:00.000Z" } as const;
      const again = await db.transaction((sql) => queue.rerun(sql, id, cause));
      expect(again).toMatchObject({ outcome: "queued", state: "held" });
      expect(await queue.read(again.id)).toMatchObject({ rerunOf: id, causes: [cause], attempt: 0 });
    });

    it("is held once more when it was released, and its job holds each run", async () => {
      const { db, queue } = await open();
      const held = "each is looked at";
      const { id } = await ask(db, { held });
      await db.transaction((sql) => queue.release(sql, id));
      const worker = start(db);
      await worker.taken(id);
      worker.finish(id, { result: "FAILURE" });
      await untilState(queue, id, "ended");
      const cause = { by: "hand", text: "again", at: "2026-01-02T00:00:00.000Z" } as const;
      const again = await db.transaction((sql) => queue.rerun(sql, id, cause, { held, shadow: true }));
      expect(await queue.read(again.id)).toMatchObject({ state: "held", held, shadow: true });
    });
  });

  it("what is asked for once more changes nothing of what waits for the same, and is newer", async () => {
    const { db, queue } = await open();
    const old = await ask(db, { key: "main", input: { dir: "old" } });
    await db.transaction((sql) => queue.abort(sql, old.id, { who: "ann", why: "wrong folder" }));
    const { id } = await ask(db, { key: "main", input: { dir: "new" }, mutex: "production", priority: 5 });
    const cause = { by: "hand", text: "again", at: "2026-01-02T00:00:00.000Z" } as const;
    const again = await db.transaction((sql) => queue.rerun(sql, old.id, cause));
    expect(again).toMatchObject({ id, outcome: "coalesced" });
    const waiting = await queue.read(id);
    expect(waiting).toMatchObject({ input: { dir: "new" }, mutex: "production", priority: 5 });
    expect(waiting.causes.at(-1)).toEqual(cause);
  });

  describe("an abort", () => {
    it("ends at once what waits", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db);
      const ended = await db.transaction((sql) => queue.abort(sql, id, { who: "ann", why: "wrong tag" }));
      expect(ended).toMatchObject({ state: "ended", result: "ABORTED" });
      expect(ended.details?.summary).toBe("aborted by ann: wrong tag");
      const again = db.transaction((sql) => queue.abort(sql, id, { who: "ann", why: "wrong tag" }));
      await expect(again).rejects.toMatchObject({ code: "ended" });
    });

    it("stops what runs, and says who wanted it", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db);
      const worker = start(db);
      const taken = await worker.taken(id);
      await db.transaction((sql) => queue.abort(sql, id, { who: "ann", why: "wrong tag" }));
      const ended = await untilState(queue, id, "ended");
      expect(ended).toMatchObject({ result: "ABORTED", details: { summary: "aborted by ann: wrong tag" } });
      expect(taken.signal.reason).toMatchObject({ code: "aborted" });
    });

    it("changes nothing of what is done already", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db);
      const worker = start(db, {
        carryOut: (run) =>
          new Promise((resolve) =>
            run.signal.addEventListener("abort", () => resolve({ result: "SUCCESS" })),
          ),
      });
      await worker.taken(id);
      await db.transaction((sql) => queue.abort(sql, id, { who: "ann", why: "wrong tag" }));
      expect(await untilState(queue, id, "ended")).toMatchObject({ result: "SUCCESS" });
    });

    it("comes after so many seconds by itself where the job says so", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db, { timeoutSeconds: 0.05 });
      start(db);
      const ended = await untilState(queue, id, "ended");
      expect(ended).toMatchObject({ result: "FAILURE" });
      expect(ended.details?.summary).toContain("0.05 seconds");
    });
  });

  describe("limits", () => {
    const peak = async (db: Database, queue: Queue, ids: readonly string[]) => {
      let now = 0;
      let most = 0;
      const worker = start(db, {
        concurrency: 8,
        carryOut: async () => {
          now += 1;
          most = Math.max(most, now);
          await db.query("SELECT 1");
          now -= 1;
          return { result: "SUCCESS" };
        },
      });
      for (const id of ids) await untilState(queue, id, "ended");
      await worker.stop();
      return most;
    };
    const asks = async (db: Database, more: (at: number) => Parameters<typeof ask>[1]) => {
      const asked = await Promise.all(range(0, 12).map((at) => ask(db, { key: String(at), ...more(at) })));
      return asked.map(({ id }) => id);
    };

    it("let a single run of a mutex go on", async () => {
      const { db, queue } = await open();
      const ids = await asks(db, (at) => ({ job: `job-${at % 3}`, mutex: "production" }));
      expect(await peak(db, queue, ids)).toBe(1);
    });

    it("let as many runs of a job go on as it says", async () => {
      const { db, queue } = await open();
      const ids = await asks(db, () => ({ maxConcurrency: 2 }));
      expect(await peak(db, queue, ids)).toBeLessThanOrEqual(2);
    });

    it("let as many runs of a label go on as it has places, one where nobody named it", async () => {
      const { db, queue } = await open();
      await queue.setCapacities({ large: 3, none: 0 });
      const ids = await asks(db, (at) => ({ job: `job-${at}`, capacity: "large" }));
      expect(await peak(db, queue, ids)).toBeLessThanOrEqual(3);
      const others = await asks(db, (at) => ({ job: `job-${at}`, capacity: "unnamed" }));
      expect(await peak(db, queue, others)).toBe(1);
      const { id } = await ask(db, { capacity: "none" });
      const idle = start(db);
      const { id: first } = await ask(db, { job: "first" });
      await idle.taken(first);
      expect(await queue.whyWaiting([id])).toEqual(
        new Map([[id, { for: "capacity", capacity: "none", running: 0, limit: 0 }]]),
      );
    });

    it("say what keeps a run waiting", async () => {
      const { db, queue } = await open();
      await queue.setCapacities({ large: 1 });
      const idle = await ask(db, { key: "idle" });
      expect((await queue.whyWaiting([idle.id])).get(idle.id)).toEqual({ for: "worker" });
      const worker = start(db, { concurrency: 1 });
      await worker.taken(idle.id);
      worker.finish(idle.id);
      const first = await ask(db, { job: "first", mutex: "m", maxConcurrency: 1, capacity: "large" });
      await worker.taken(first.id);
      const later = new Date(Date.now() + 3_600_000);
      const waiting = [
        await ask(db, { job: "a", mutex: "m" }),
        await ask(db, { job: "first", key: "other", maxConcurrency: 1 }),
        await ask(db, { job: "b", capacity: "large" }),
        await ask(db, { job: "c" }),
        await ask(db, { job: "d", notBefore: later }),
      ];
      const reasons = await queue.whyWaiting(waiting.map(({ id }) => id));
      expect(waiting.map(({ id }) => reasons.get(id))).toEqual([
        { for: "mutex", mutex: "m", run: first.id },
        { for: "concurrency", running: 1, limit: 1 },
        { for: "capacity", capacity: "large", running: 1, limit: 1 },
        { for: "turn", ahead: 3 },
        { for: "time", until: later },
      ]);
      expect(await queue.workers()).toMatchObject([{ seats: 1, running: 1 }]);
    });

    it("are kept for a run that has waited long for two of them", async () => {
      const { db, queue } = await open();
      await queue.setCapacities({ large: 1 });
      const worker = start(db);
      const holder = await ask(db, { job: "holder", mutex: "m" });
      await worker.taken(holder.id);
      const old = await ask(db, { job: "old", mutex: "m", capacity: "large" });
      await db.query("UPDATE queue_run SET rank = rank - 3600 WHERE id = $1", [old.id]);
      const younger = await ask(db, { job: "younger", capacity: "large" });
      const free = await ask(db, { job: "free" });
      await worker.taken(free.id);
      expect(worker.running.has(younger.id)).toBe(false);
      worker.finish(holder.id);
      await worker.taken(old.id);
      expect(worker.running.has(younger.id)).toBe(false);
      worker.finish(old.id);
      await worker.taken(younger.id);
    });

    it("hold up nobody else", async () => {
      const { db } = await open();
      const worker = start(db, { concurrency: 2 });
      const first = await ask(db, { job: "first", mutex: "m", priority: 100 });
      await worker.taken(first.id);
      for (const at of range(0, 60)) await ask(db, { key: `blocked-${at}`, mutex: "m", priority: 100 });
      const free = await ask(db, { job: "free" });
      await worker.taken(free.id);
      expect([...worker.running.keys()].sort()).toEqual([first.id, free.id].sort());
    });
  });

  describe("the order of starts", () => {
    const startsOf = async (db: Database, queue: Queue, runs: readonly string[]) => {
      const starts: string[] = [];
      start(db, {
        concurrency: 1,
        carryOut: async (run) => {
          starts.push(run.id);
          return { result: "SUCCESS" };
        },
      });
      for (const id of runs) await untilState(queue, id, "ended");
      return starts;
    };

    it("is that of priorities, then of age", async () => {
      const { db, queue } = await open();
      const periodic = await ask(db, { job: "periodic", priority: 0 });
      const push = await ask(db, { job: "push", priority: 10 });
      const release = await ask(db, { job: "release", priority: 100 });
      const other = await ask(db, { job: "other", priority: 10 });
      const order = [release, push, other, periodic].map(({ id }) => id);
      expect(await startsOf(db, queue, order)).toEqual(order);
    });

    it("lets nothing starve: a minute of waiting counts as much as a point", async () => {
      const { db, queue } = await open();
      const old = await ask(db, { job: "old", priority: 0 });
      await db.query("UPDATE queue_run SET rank = rank - 60.0 * 101 WHERE id = $1", [old.id]);
      const release = await ask(db, { job: "release", priority: 100 });
      expect(await startsOf(db, queue, [old.id, release.id])).toEqual([old.id, release.id]);
    });
  });

  describe("a worker that stops", () => {
    it("hands over what it has not done, which counts as no crash", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db, { mutex: "m" });
      const first = start(db);
      const taken = await first.taken(id);
      await first.stop();
      expect(taken.signal.reason).toMatchObject({ code: "shutdown" });
      expect(await queue.read(id)).toMatchObject({ state: "waiting", attempt: 1, crashes: 0 });
      const second = start(db);
      expect(await second.taken(id)).toMatchObject({ attempt: 2, crashes: 0 });
      second.finish(id);
      await untilState(queue, id, "ended");
      expect(await queue.workers()).toHaveLength(1);
    });
  });

  describe("a worker that died", () => {
    /** What a worker leaves that is gone: a run, its places, and a lease that has run out. */
    const abandon = async (db: Database, id: string) => {
      await db.query(
        "UPDATE queue_run SET state = 'running', worker = 'gone', attempt = attempt + 1, started_at = now() WHERE id = $1",
        [id],
      );
      await db.query(
        `INSERT INTO queue_slot (kind, name, place, run)
        SELECT 'mutex', 'm', 0, id FROM queue_run WHERE id = $1 UNION ALL SELECT 'key', job || ' ' || key, 0, id FROM queue_run WHERE id = $1`,
        [id],
      );
    };

    it("loses its runs to others", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db, { mutex: "m" });
      await abandon(db, id);
      const worker = start(db);
      expect(await worker.taken(id)).toMatchObject({ attempt: 2, crashes: 1 });
      worker.finish(id);
      expect(await untilState(queue, id, "ended")).toMatchObject({ result: "SUCCESS" });
    });

    it("is not replaced for ever", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db);
      await db.query("UPDATE queue_run SET crashes = 2 WHERE id = $1", [id]);
      await abandon(db, id);
      start(db);
      const ended = await untilState(queue, id, "ended");
      expect(ended).toMatchObject({ result: "ERROR", crashes: 3 });
      expect(ended.details?.summary).toContain("3 attempts");
    });

    it("lets a run end that was to be aborted", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db);
      await abandon(db, id);
      await db.transaction((sql) => queue.abort(sql, id, { who: "ann", why: "stuck" }));
      start(db);
      expect(await untilState(queue, id, "ended")).toMatchObject({ result: "ABORTED" });
    });

    it("is forgotten, with all others, by a database that is restored", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db);
      const old = start(db);
      const taken = await old.taken(id);
      await db.transaction((sql) => forgetWorkers(sql));
      expect(await queue.read(id)).toMatchObject({ state: "waiting", attempt: 1, crashes: 0 });
      await expect(db.transaction((sql) => taken.fence(sql))).rejects.toMatchObject({ code: "lost" });
      const again = await untilState(queue, id, "running");
      expect(again.attempt).toBe(2);
      await until(queue, async () => taken.signal.aborted);
      expect(taken.signal.reason).toMatchObject({ code: "lost" });
    });

    it("leaves word of its attempt, and the end of each stays known", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db);
      await abandon(db, id);
      await db.query(
        "INSERT INTO queue_attempt (run, attempt, worker, started_at) SELECT id, attempt, worker, started_at FROM queue_run",
      );
      const worker = start(db);
      const run = await worker.taken(id);
      run.tell({ text: "1 of 2 copied", done: 1, total: 2 });
      await until(queue, async () => (await queue.read(id)).progress?.text === "1 of 2 copied");
      expect((await queue.read(id)).progress).toMatchObject({ done: 1, total: 2 });
      worker.finish(id);
      expect((await untilState(queue, id, "ended")).progress).toBeUndefined();
      const tries = await queue.tries(id);
      expect(tries.map(({ attempt, ending }) => [attempt, ending])).toEqual([
        [1, "died"],
        [2, "SUCCESS"],
      ]);
      expect(tries.every(({ startedAt, endedAt }) => endedAt !== undefined && endedAt >= startedAt)).toBe(
        true,
      );
      await queue.forgetEnded(new Date(Date.now() + 3_600_000));
      expect(await queue.tries(id)).toEqual([]);
    });

    it("leaves its run to a newer one of the same key", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db);
      await abandon(db, id);
      const newer = await ask(db);
      expect(newer.outcome).toBe("queued");
      const worker = start(db);
      const ended = await untilState(queue, id, "ended");
      expect(ended).toMatchObject({ result: "ABORTED", details: { replacedBy: newer.id } });
      await worker.taken(newer.id);
    });
  });

  describe("lists", () => {
    it("are read page by page, by what is asked for", async () => {
      const { db, queue } = await open();
      for (const at of range(0, 7)) await ask(db, { job: at % 2 === 0 ? "even" : "odd", key: String(at) });
      const pages: QueuedRun[][] = [];
      let after: string | undefined;
      do {
        const page = await queue.list({ job: "even", limit: 2, after });
        pages.push([...page.runs]);
        after = page.next;
      } while (after !== undefined);
      expect(pages.map((page) => page.map(({ key }) => key))).toEqual([
        ["6", "4"],
        ["2", "0"],
      ]);
      expect(await queue.counts()).toMatchObject([
        { job: "even", kind: "build", state: "waiting", runs: 4 },
        { job: "odd", kind: "build", state: "waiting", runs: 3 },
      ]);
      await expect(queue.read("1")).rejects.toMatchObject({ code: "unknown-run" });
      await expect(queue.read("post-images")).rejects.toMatchObject({ code: "unknown-run" });
    });

    it("find runs by the words that are known of them, and by all else together", async () => {
      const { db, queue } = await open();
      const commit = "12e45abc00120a1b2c3d4e5f6a7b8c9d0e1f2a3b";
      const repo = "https://github.com/cncf/apisnoop";
      const { id: push } = await ask(db, { job: "push-snoopdb", key: "1", repo, ref: "refs/tags/v1.20.3" });
      const { id: pull } = await ask(db, {
        ...{ job: "check", key: "2", type: "presubmit", repo, commit, pull: 7, author: "Ann-Ö" },
      });
      await ask(db, { job: "long", key: "3", ref: `refs/heads/${"é".repeat(1_500)}` });
      const worker = start(db);
      for (const { id } of (await queue.list({ limit: 10 })).runs) {
        await worker.taken(id);
        const summary = id === push ? "it's 3 \\images" : "fine";
        worker.finish(id, { result: "SUCCESS", details: { summary } });
        await untilState(queue, id, "ended");
      }
      const found = async (filter: RunFilter) =>
        (await queue.list({ limit: 10, ...filter })).runs.map(({ job }) => job).sort();
      for (const [filter, jobs] of [
        [{ search: "snoop" }, ["push-snoopdb"]],
        [{ search: "APIsnoop" }, ["check", "push-snoopdb"]],
        [{ search: "noop" }, []],
        [{ search: "v1.20 push" }, ["push-snoopdb"]],
        [{ search: "v1.20 check" }, []],
        [{ search: "12e45abc0012" }, ["check"]],
        [{ search: "ANN-Ö" }, ["check"]],
        [{ search: "it's images" }, ["push-snoopdb"]],
        [{ search: "'); DROP" }, []],
        [{ search: "':* | zz" }, []],
        [{ search: " - " }, []],
        [{ type: "presubmit" }, ["check"]],
        [{ author: "Ann-Ö" }, ["check"]],
        [{ author: "ann" }, []],
        [{ machine: "test" }, ["check", "long", "push-snoopdb"]],
        [{ machine: "tes" }, []],
        [{ machine: "test", search: "fine", pull: 7 }, ["check"]],
      ] as const) {
        expect([filter, await found(filter)]).toEqual([filter, jobs]);
      }
      const { askedAt } = await queue.read(pull);
      const within = (before: number, after: number) =>
        found({
          ...{ job: "check", since: new Date(askedAt.getTime() - before) },
          until: new Date(askedAt.getTime() + after),
        });
      expect(await within(60_000, 60_000)).toEqual(["check"]);
      expect(await within(60_000, -30_000)).toEqual([]);
      expect(await within(-30_000, 60_000)).toEqual([]);
    });

    it("take several values, and any text for a star", async () => {
      const { db, queue } = await open();
      const repo = (name: string) => `https://github.com/o/${name}`;
      await ask(db, { job: "post-a", key: "1", repo: repo("a"), author: "ann" });
      await ask(db, { job: "post-b", key: "2", repo: repo("b"), type: "periodic", held: "wait" });
      await ask(db, { job: "post_c", key: "3", repo: repo("c%"), author: "bob" });
      const worker = start(db, { concurrency: 1 });
      const { runs } = await queue.list({ job: "post-a", limit: 1 });
      await worker.taken(runs[0]?.id ?? "");
      worker.finish(runs[0]?.id ?? "", { result: "FAILURE", details: { summary: "" } });
      await untilState(queue, runs[0]?.id ?? "", "ended");
      const { runs: others } = await queue.list({ job: "post_c", limit: 1 });
      await worker.taken(others[0]?.id ?? "");
      for (const [filter, jobs] of [
        [{ job: ["post-a", "post_c"] }, ["post-a", "post_c"]],
        [{ job: "post-*" }, ["post-a", "post-b"]],
        [{ job: ["*_c", "post-b"] }, ["post-b", "post_c"]],
        [{ job: "*" }, ["post-a", "post-b", "post_c"]],
        [{ job: "pos*_*" }, ["post_c"]],
        [{ repo: "*/c%" }, ["post_c"]],
        [{ repo: ["*/o/a", "*/o/b"], type: ["periodic", "batch"] }, ["post-b"]],
        [{ author: ["a*", "bo*"] }, ["post-a", "post_c"]],
        [{ status: ["FAILURE", "running"] }, ["post-a", "post_c"]],
        [{ status: ["held", "running"] }, ["post-b", "post_c"]],
        [{ status: ["FAILURE"] }, ["post-a"]],
        [{ state: ["held", "ended"] }, ["post-a", "post-b"]],
        [{ machine: ["test", "other"] }, ["post-a", "post_c"]],
      ] as const) {
        const found = (await queue.list({ ...filter, limit: 9 })).runs.map(({ job }) => job).sort();
        expect([filter, found]).toEqual([filter, jobs]);
        expect(await queue.count(filter)).toEqual({ runs: jobs.length, isExact: true });
      }
    });

    it.each(["newest", "oldest", "longest", "turn"] as const)(
      "go forwards and backwards, %s first",
      async (order) => {
        const { db, queue } = await open();
        for (const at of range(0, 5)) {
          const { id } = await ask(db, { key: String(at) });
          if (order !== "longest") continue;
          await db.query(
            `UPDATE queue_run SET state = 'ended', result = 'SUCCESS', started_at = now(), ended_at = now() + $2::interval WHERE id = $1`,
            [id, `${Math.floor(at / 2)} seconds`],
          );
        }
        const keysOf = ({ runs }: RunList) => runs.map(({ key }) => key);
        const all = keysOf(await queue.list({ order, limit: 9 }));
        expect(all).toEqual(
          order === "newest" || order === "longest" ? ["4", "3", "2", "1", "0"] : ["0", "1", "2", "3", "4"],
        );
        const first = await queue.list({ order, limit: 2 });
        const second = await queue.list({ order, limit: 2, after: first.next });
        const third = await queue.list({ order, limit: 2, after: second.next });
        expect([first, second, third].map(keysOf)).toEqual([all.slice(0, 2), all.slice(2, 4), all.slice(4)]);
        expect([first.previous, third.next]).toEqual([undefined, undefined]);
        const back = await queue.list({ order, limit: 2, before: third.previous });
        expect(back).toEqual(second);
        expect(await queue.list({ order, limit: 2, before: back.previous })).toEqual(first);
      },
    );

    it("say about how many there are of very many", async () => {
      const { db, queue } = await open();
      await db.query(
        `INSERT INTO queue_run (id, job, kind, type, key, priority, input, causes, state, rank)
         SELECT n, CASE WHEN n <= 10 THEN 'few' ELSE 'many' END, 'build', 'postsubmit', n::text, 0, '{}', '[]', 'waiting', n
         FROM generate_series(1, 10100) AS n`,
      );
      expect(await queue.count({ job: "few" })).toEqual({ runs: 10, isExact: true });
      const many = await queue.count({ job: "many" });
      expect(many.isExact).toBe(false);
      expect(many.runs).toBeGreaterThan(10_000);
    });

    it("tell how the last runs of a job went, and which jobs have not succeeded since", async () => {
      const { db, queue } = await open();
      const add = (id: number, job: string, result: string, seconds: number) =>
        db.query(
          `INSERT INTO queue_run (id, job, kind, type, key, priority, input, causes, state, rank, result, started_at, ended_at)
           VALUES ($1::bigint, $2, 'build', 'postsubmit', 'key', 0, '{}', '[]', 'ended', 1, $3,
             '2026-01-01Z'::timestamptz, '2026-01-01Z'::timestamptz + make_interval(secs => $4))`,
          [id, job, result, seconds],
        );
      await add(1, "a", "FAILURE", 1);
      await add(2, "a", "SUCCESS", 10);
      await add(3, "a", "SUCCESS", 20);
      await add(4, "a", "ERROR", 1);
      await add(5, "a", "ABORTED", 1);
      await add(6, "a", "FAILURE", 3);
      await add(7, "b", "SUCCESS", 1);
      await add(8, "c", "FAILURE", 5);
      expect(await queue.statistics("a")).toEqual({ runs: 5, succeeded: 2, medianSeconds: 15 });
      expect(await queue.statistics("c")).toEqual({ runs: 1, succeeded: 0, medianSeconds: undefined });
      const failing = await queue.failing(["a", "b", "c", "none"]);
      expect(failing.map(({ run, failures, since }) => [run.id, failures, since.toISOString()])).toEqual([
        ["8", 1, "2026-01-01T00:00:05.000Z"],
        ["6", 2, "2026-01-01T00:00:01.000Z"],
      ]);
    });

    it("have what waits in the order in which it starts", async () => {
      const { db, queue } = await open();
      for (const [key, priority] of [
        ["a", 0],
        ["b", 100],
        ["c", 0],
      ] as const)
        await ask(db, { key, priority });
      await ask(db, { key: "d", held: "not yet" });
      const first = await queue.list({ limit: 2, order: "turn" });
      const second = await queue.list({ limit: 2, order: "turn", after: first.next });
      expect([first, second].map(({ runs }) => runs.map(({ key }) => key))).toEqual([["b", "a"], ["c"]]);
      expect(second.next).toBeUndefined();
    });

    it("tell the newest run of each job", async () => {
      const { db, queue } = await open();
      const { id: old } = await ask(db, { job: "a" });
      await db.transaction((sql) => queue.abort(sql, old, { who: "ann", why: "old" }));
      const { id: newer } = await ask(db, { job: "a" });
      const { id: other } = await ask(db, { job: "b" });
      const idsOf = async (...given: Parameters<Queue["lastRuns"]>) =>
        [...(await queue.lastRuns(...given)).values()].map(({ id }) => id).sort();
      expect(await idsOf(["a", "b", "none"])).toEqual([newer, other].sort());
      expect(await idsOf(["a", "b"], "ABORTED")).toEqual([old]);
    });

    it("forget what ended long ago", async () => {
      const { db, queue } = await open();
      const { id } = await ask(db);
      const { id: waiting } = await ask(db, { key: "other" });
      await db.transaction((sql) => queue.abort(sql, id, { who: "ann", why: "old" }));
      expect(await queue.forgetEnded(new Date(Date.now() - 3_600_000))).toBe(0);
      expect(await queue.forgetEnded(new Date(Date.now() + 3_600_000))).toBe(1);
      expect((await queue.list({ limit: 10 })).runs.map((run) => run.id)).toEqual([waiting]);
    });
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}
