import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Job } from "../../src/jobs/index.ts";
import { openQueue, type QueuedRun, type RunOutcome } from "../../src/queue/index.ts";
import { askByHand, noteRetry, retryPromotions } from "../../src/triggers/index.ts";
import { startWorker, type TestWorker, until } from "../queue/support.ts";
import { describeDatabases } from "../support/databases.ts";
import { temporaryFolder } from "../support/tree.ts";
import { createWorld, jobsOf, migrations, type TestWorld } from "./trigger-world.ts";

const minute = 60_000;
const hour = 60 * minute;
const away: RunOutcome = { result: "FAILURE", details: { summary: "2 unread", mayPass: true } };

describeDatabases(({ open, openAgain }) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let world: TestWorld;
  let worker: TestWorker;
  /** How the next runs end. */
  let outcomes: RunOutcome[];

  const [promote] = jobsOf(`
jobs:
  - name: promote
    repo: https://git.example.org/org/k8s.io
    ref: main
    triggers: { branch: '^(main|release-.*)$' }
    promote: { manifests: registry.k8s.io }
`) as [Job];

  beforeEach(async () => {
    folder = await temporaryFolder("retry");
    world = createWorld(await open(migrations), join(folder.path, "mirrors"));
    world.setJobs([promote]);
    outcomes = [];
    const queue = openQueue(world.db, { onEnd: noteRetry });
    worker = startWorker(world.db, {
      queue,
      carryOut: async () => {
        const outcome = outcomes.shift();
        if (outcome === undefined) throw new Error("nobody has said how it ends");
        return outcome;
      },
    });
  });

  afterEach(async () => {
    await worker.stop();
    await folder.remove();
  });

  const allEnded = (): Promise<void> =>
    until(worker.queue, async () => (await world.runs()).every(({ state }) => state === "ended"));

  const byHand = async (outcome: RunOutcome, job: Job = promote, ref?: string): Promise<void> => {
    outcomes.push(outcome);
    const by = { who: "ann", at: world.now(), from: "hand" } as const;
    await world.db.transaction((sql) => askByHand(sql, job, { ref }, by));
    await allEnded();
  };

  /** Milliseconds until it is asked for again; `undefined` when it is not. */
  const pause = async (): Promise<number | undefined> => {
    world.told.length = 0;
    expect(await retryPromotions(world)).toBe(0);
    const told = world.told.find(({ type }) => type === "run-retried");
    if (told?.type !== "run-retried" || told.dueAt === undefined) return undefined;
    return told.dueAt.getTime() - world.now().getTime();
  };

  const again = async (outcome: RunOutcome): Promise<void> => {
    outcomes.push(outcome);
    expect(await retryPromotions(world)).toBe(1);
    await allEnded();
  };

  const lastRun = async (): Promise<QueuedRun | undefined> => (await world.runs()).at(-1);

  it("a promotion that failed for what may pass is asked for again, after pauses that grow, until it is done", async () => {
    await byHand(away);
    const [first] = await world.runs();
    for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
      expect(await pause()).toBe(minutes * minute);
      world.pass(minutes * minute - 1);
      expect(await retryPromotions(world)).toBe(0);
      world.pass(1);
      await again(away);
    }
    expect(await world.runs()).toHaveLength(9);
    expect((await world.runs())[1]).toMatchObject({
      ...{ job: "promote", ref: "refs/heads/main", key: "refs/heads/main", type: "postsubmit" },
      causes: [{ by: "retry", text: `again after a failure, the last of them run ${first?.id}: 2 unread` }],
    });
    expect((await lastRun())?.causes[0]?.text).toContain("again after 8 failures");
    expect(await pause()).toBe(hour);
    world.pass(hour);
    await again({ result: "SUCCESS" });
    world.pass(24 * hour);
    expect(await pause()).toBeUndefined();
    expect(await world.runs()).toHaveLength(10);
    // The next outage is another one.
    await byHand(away);
    expect(await pause()).toBe(minute);
  });

  it("one whose workers died has longer pauses, and what could not be carried out is asked for again as well", async () => {
    await byHand({ result: "ERROR", details: { summary: "the repository could not be read" } });
    expect(await pause()).toBe(minute);
    const ended = await lastRun();
    if (ended === undefined) throw new Error("there is a run");
    const died = { ...ended, crashes: 3, details: { summary: "given up: the worker died" } };
    await world.db.transaction((sql) => noteRetry(sql, died));
    expect(await pause()).toBe(30 * minute);
  });

  it("what needs a person, or was stopped by one, is not", async () => {
    await byHand({ result: "FAILURE", details: { summary: "1 in conflict" } });
    expect(await pause()).toBeUndefined();
    await byHand(away);
    expect(await pause()).toBe(minute);
    await byHand({ result: "ABORTED", details: { summary: "aborted by ann" } });
    world.pass(hour);
    expect(await retryPromotions(world)).toBe(0);
    await byHand(away, { ...promote, shadow: true });
    expect(await pause()).toBeUndefined();
    await byHand(away, { ...promote, work: { kind: "verify", verify: { manifests: "." } } } as Job);
    expect(await pause()).toBeUndefined();
    expect(await world.runs()).toHaveLength(5);
  });

  it("nothing is asked for that the job would not do by itself any more", async () => {
    const changes: readonly (readonly Job[])[] = [
      [],
      [{ ...promote, shadow: true }],
      [{ ...promote, work: { kind: "promote", promote: { manifests: ".", dryRun: true } } } as Job],
      [{ ...promote, ref: "other", on: { branch: ["^other$"] } } as Job],
      // What nothing but a person starts is started by nothing else.
      [{ ...promote, on: undefined }],
    ];
    for (const jobs of changes) {
      world.setJobs([promote]);
      await byHand(away);
      expect(await pause()).toBe(minute);
      world.pass(minute);
      world.setJobs(jobs);
      expect(await retryPromotions(world)).toBe(0);
      world.setJobs([promote]);
      world.pass(hour);
      expect(await retryPromotions(world)).toBe(0);
    }
    await byHand(away, promote, "refs/heads/release-1");
    expect(await pause()).toBe(minute);
    world.pass(minute);
    await again({ result: "SUCCESS" });
    expect(await lastRun()).toMatchObject({ ref: "refs/heads/release-1" });
  });

  it("a day of failures is enough, until something starts it anew", async () => {
    await byHand(away);
    let runs = 1;
    for (let wait = await pause(); wait !== undefined; wait = await pause()) {
      world.pass(wait);
      await again(away);
      runs += 1;
    }
    expect(world.told).toMatchObject([{ type: "run-retried", job: "promote", dueAt: undefined }]);
    expect(runs).toBe(30);
    world.pass(24 * hour);
    expect(await retryPromotions(world)).toBe(0);
    await byHand(away);
    expect(await pause()).toBe(minute);
  });

  it("a clock that was set back, or forward, loses and doubles nothing", async () => {
    await byHand(away);
    world.pass(24 * hour);
    expect(await pause()).toBe(minute);
    world.pass(-24 * hour);
    await again(away);
    expect(await pause()).toBe(2 * minute);
    world.pass(366 * 24 * hour);
    await again({ result: "SUCCESS" });
    expect(await retryPromotions(world)).toBe(0);
  });

  it("of many that look, one asks", async () => {
    await byHand(away);
    const other: TestWorld = { ...world, db: await openAgain() };
    await Promise.all([retryPromotions(world), retryPromotions(other)]);
    expect(world.told.filter(({ type }) => type === "run-retried")).toHaveLength(1);
    world.pass(minute);
    outcomes.push({ result: "SUCCESS" });
    const counts = await Promise.all([retryPromotions(world), retryPromotions(other)]);
    expect(counts[0] + counts[1]).toBe(1);
    await allEnded();
    expect(await world.runs()).toHaveLength(2);
  });
});
