import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Schedule } from "../../src/jobs/index.ts";
import { judgeClock } from "../../src/triggers/clock.ts";
import { tickClock } from "../../src/triggers/index.ts";
import { describeDatabases } from "../support/databases.ts";
import { temporaryFolder } from "../support/tree.ts";
import { createWorld, jobsOf, migrations, type TestWorld } from "./trigger-world.ts";

const at = (time: string) => new Date(`2026-11-30T${time}:00Z`);
const on = (time: string) => new Date(time);
const ended = (time: string) => ({ startedAt: at(time), endedAt: at(time) });

describe("a clock", () => {
  const hourly: Schedule = { cron: "0 * * * *", ref: "main" };

  it("waits for its next slot, and starts at it", () => {
    expect(judgeClock(hourly, at("12:00"), undefined, at("12:59"))).toEqual({ verdict: "wait" });
    expect(judgeClock(hourly, at("12:00"), undefined, at("13:00"))).toEqual({
      verdict: "start",
      slot: at("13:00"),
    });
  });

  it("starts once after a stop, for the last slot that it missed", () => {
    const after = (slot: string, now: string) => judgeClock(hourly, on(slot), undefined, on(now));
    for (const [slot, now, due] of [
      ["2026-11-30T12:00:00Z", "2026-11-30T20:30:00Z", "2026-11-30T20:00:00Z"],
      ["2026-11-01T12:00:00Z", "2026-11-30T20:30:00Z", "2026-11-30T20:00:00Z"],
      ["2019-11-01T12:00:00Z", "2026-11-30T20:30:00Z", "2026-11-30T20:00:00Z"],
    ] as const) {
      expect(after(slot, now)).toEqual({ verdict: "start", slot: on(due) });
    }
    const yearly: Schedule = { cron: "0 7 29 2 *", ref: "main" };
    expect(judgeClock(yearly, on("2020-01-01T00:00:00Z"), undefined, on("2027-01-01T00:00:00Z"))).toEqual({
      ...{ verdict: "start", slot: on("2024-02-29T07:00:00Z") },
    });
  });

  it("lets slots pass while a run is not over", () => {
    const running = { startedAt: at("12:00"), endedAt: undefined };
    expect(judgeClock(hourly, at("12:00"), running, at("13:10"))).toEqual({
      verdict: "pass",
      slot: at("13:00"),
    });
    expect(judgeClock(hourly, at("13:00"), ended("13:30"), at("13:40"))).toEqual({ verdict: "wait" });
    const every: Schedule = { everySeconds: 3600, ref: "main" };
    expect(judgeClock(every, at("12:00"), running, at("15:00"))).toEqual({ verdict: "wait" });
  });

  it("counts from the start, or from the end of the last run, and starts at once without any", () => {
    const every: Schedule = { everySeconds: 3600, ref: "main" };
    const afterEnd: Schedule = { afterEndSeconds: 3600, ref: "main" };
    const last = { startedAt: at("12:00"), endedAt: at("12:40") };
    const verdict = (clock: Schedule, now: string) => judgeClock(clock, at("12:00"), last, at(now)).verdict;
    expect([verdict(every, "12:59"), verdict(every, "13:00")]).toEqual(["wait", "start"]);
    expect([verdict(afterEnd, "13:39"), verdict(afterEnd, "13:40")]).toEqual(["wait", "start"]);
    for (const clock of [every, afterEnd, { cron: "@every 1h", ref: "main" }]) {
      expect(judgeClock(clock, at("12:00"), undefined, at("12:00")).verdict).toBe("start");
    }
  });

  it("knows the zone of its times", () => {
    const berlin: Schedule = { cron: "30 2 * * *", zone: "Europe/Berlin", ref: "main" };
    const due = (slot: string, now: string) => judgeClock(berlin, on(slot), undefined, on(now));
    expect(due("2026-07-01T00:00:00Z", "2026-07-01T00:31:00Z")).toEqual({
      ...{ verdict: "start", slot: on("2026-07-01T00:30:00Z") },
    });
    expect(due("2026-12-01T00:00:00Z", "2026-12-01T00:31:00Z")).toEqual({ verdict: "wait" });
  });

  it("has each slot once where the clock of a zone is set forward or back", () => {
    const berlin: Schedule = { cron: "30 2 * * *", zone: "Europe/Berlin", ref: "main" };
    for (const [from, to] of [
      // 02:30 is left out on the first of them, and comes twice on the second.
      ["2026-03-27T12:00:00Z", "2026-04-01T12:00:00Z"],
      ["2026-10-23T12:00:00Z", "2026-10-28T12:00:00Z"],
    ] as const) {
      const days: string[] = [];
      let slot = on(from);
      for (let now = on(from).getTime(); now <= on(to).getTime(); now += 10 * 60_000) {
        const judged = judgeClock(berlin, slot, undefined, new Date(now));
        if (judged.verdict === "wait") continue;
        slot = judged.slot;
        days.push(slot.toISOString().slice(0, 10));
      }
      expect(days).toHaveLength(5);
      expect(new Set(days).size).toBe(5);
    }
  });

  it("that is set back starts nothing twice, and one that was wrong by far is not waited for", () => {
    expect(judgeClock(hourly, at("12:00"), ended("12:00"), at("11:10"))).toEqual({ verdict: "wait" });
    expect(judgeClock(hourly, at("12:00"), ended("12:00"), at("12:05"))).toEqual({ verdict: "wait" });
    const wrong = on("2036-01-01T00:00:00Z");
    expect(judgeClock(hourly, wrong, ended("12:00"), at("12:10"))).toEqual({
      verdict: "pass",
      slot: at("12:10"),
    });
    const every: Schedule = { everySeconds: 3600, ref: "main" };
    expect(judgeClock(every, wrong, { startedAt: wrong, endedAt: wrong }, at("12:10")).verdict).toBe("start");
    expect(judgeClock(every, at("12:00"), ended("12:00"), at("11:10")).verdict).toBe("wait");
  });
});

describeDatabases(({ open, openAgain }) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let world: TestWorld;

  beforeEach(async () => {
    folder = await temporaryFolder("clock");
    world = createWorld(await open(migrations), join(folder.path, "mirrors"));
  });

  afterEach(() => folder.remove());

  const job = (clock: string) =>
    jobsOf(`
name: repair
repo: https://git.example.org/org/k8s.io
clock: ${clock}
promote: { manifests: registry.k8s.io }
`);

  const finish = (id: string) =>
    world.db.transaction((sql) => world.queue.abort(sql, id, { who: "somebody", why: "it is over" }));

  describe("jobs of a clock", () => {
    it("are asked for at their slots, never beside a run that is not over, whoever looks", async () => {
      world.setJobs(job("{cron: '0 * * * *', ref: main}"));
      expect(await tickClock(world)).toBe(0);
      world.set("2026-11-30T13:00:30Z");
      const other: TestWorld = { ...world, db: await openAgain() };
      const counts = await Promise.all([tickClock(world), tickClock(other), tickClock(world)]);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1);
      expect(await world.runs()).toMatchObject([
        {
          ...{
            job: "repair",
            kind: "promote",
            type: "periodic",
            ref: "refs/heads/main",
            key: "refs/heads/main",
          },
          ...{ priority: 0, input: { job: { name: "repair" } } },
          causes: [{ by: "clock", text: "clock: 0 * * * *, due at 2026-11-30T13:00:00.000Z" }],
        },
      ]);
      world.set("2026-11-30T14:30:00Z");
      expect(await tickClock(world)).toBe(0);
      const [run] = await world.runs();
      await finish(run?.id ?? "");
      world.set("2026-11-30T14:40:00Z");
      expect(await tickClock(world)).toBe(0);
      world.set("2026-12-24T00:10:00Z");
      expect([await tickClock(world), await tickClock(world)]).toEqual([1, 0]);
      world.set("2026-12-23T23:50:00Z");
      expect(await tickClock(world)).toBe(0);
      expect((await world.runs()).map(({ causes }) => causes[0]?.text)).toEqual([
        "clock: 0 * * * *, due at 2026-11-30T13:00:00.000Z",
        "clock: 0 * * * *, due at 2026-12-24T00:00:00.000Z",
      ]);
    });

    it("begin anew when their schedule is another one", async () => {
      world.setJobs(job("{cron: '0 * * * *', ref: main}"));
      await tickClock(world);
      world.set("2026-11-30T20:30:00Z");
      world.setJobs(job("{cron: '15 * * * *', ref: main}"));
      expect(await tickClock(world)).toBe(0);
      world.set("2026-11-30T21:15:00Z");
      expect(await tickClock(world)).toBe(1);
    });

    it("count from the end of the last run, where that is asked for", async () => {
      world.setJobs(job("{afterEnd: 1h, ref: main}"));
      // The database notes the end by its own clock.
      world.set(new Date(Date.now() - 60_000).toISOString());
      expect(await tickClock(world)).toBe(1);
      world.pass(5 * 60 * 60_000);
      expect(await tickClock(world)).toBe(0);
      const [run] = await world.runs();
      const { endedAt } = await finish(run?.id ?? "");
      world.set(new Date((endedAt?.getTime() ?? 0) + 59 * 60_000).toISOString());
      expect(await tickClock(world)).toBe(0);
      world.pass(60_000);
      expect(await tickClock(world)).toBe(1);
    });

    it("go on when the queue has forgotten their last run", async () => {
      world.setJobs(job("{every: 1h, ref: main}"));
      await tickClock(world);
      const [run] = await world.runs();
      await finish(run?.id ?? "");
      await world.db.query("DELETE FROM queue_run");
      world.pass(60 * 60_000);
      expect(await tickClock(world)).toBe(1);
    });
  });
});
