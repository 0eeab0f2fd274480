import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ruleFor, runsToRemove } from "../../src/store/database/retention.ts";

const now = new Date("2026-11-30T00:00:00Z");
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
const run = (id: string, days: number | undefined, bytes = 10, isKept = true) => ({
  ...{ id, bytes, isKept },
  endedAt: days === undefined ? undefined : daysAgo(days),
});
const none = new Set<string>();
const removed = (...asked: Parameters<typeof runsToRemove>) => runsToRemove(...asked).map(({ id }) => id);

describe("runs that are removed", () => {
  const runs = [run("9", undefined), run("8", 1), run("7", 2), run("6", 5), run("5", 10), run("4", 20)];

  test.each([
    ["nothing without a bound", {}, []],
    ["those that ended too long ago", { maxDays: 5 }, ["5", "4"]],
    ["those beyond a number", { maxRuns: 3 }, ["6", "5", "4"]],
    ["those beyond a size", { maxBytes: 45 }, ["5", "4"]],
    ["what any bound excludes", { maxDays: 15, maxBytes: 50 }, ["4"]],
    ["never the newest that has ended", { maxDays: 0, maxRuns: 0, maxBytes: 0 }, ["7", "6", "5", "4"]],
  ])("are %s", (_, rule, expected) => {
    expect(removed(runs, rule, { held: none, now })).toEqual(expected);
  });

  test("are none that are held, go on, or are not kept yet", () => {
    const mixed = [run("9", 1), run("8", undefined), run("7", 9), run("6", 9, 10, false), run("5", 9)];
    expect(removed(mixed, { maxDays: 1 }, { held: new Set(["7"]), now })).toEqual(["5"]);
  });

  test("are the same as those that are left say, however often it is asked", () => {
    const runsOfAnyJob = fc.array(
      fc.record({
        endedAt: fc.option(fc.nat(50).map(daysAgo), { nil: undefined }),
        bytes: fc.nat(100),
        isKept: fc.boolean(),
      }),
    );
    const rule = fc.record({ maxDays: fc.nat(50), maxRuns: fc.nat(20), maxBytes: fc.nat(500) });
    fc.assert(
      fc.property(runsOfAnyJob, rule, fc.nat(20), (drawn, rule, heldId) => {
        const runs = drawn.map((run, at) => ({ ...run, id: String(100 - at) }));
        const options = { held: new Set([String(100 - heldId)]), now };
        const gone = new Set(runsToRemove(runs, rule, options));
        for (const run of gone)
          expect(run.isKept && run.endedAt !== undefined && !options.held.has(run.id)).toBe(true);
        const ended = runs.filter(({ endedAt }) => endedAt !== undefined);
        if (ended[0] !== undefined) expect(gone.has(ended[0])).toBe(false);
        for (const run of runs) {
          const isOld =
            run.endedAt !== undefined && now.getTime() - run.endedAt.getTime() > rule.maxDays * 86_400_000;
          const mayGo = run.isKept && !options.held.has(run.id) && run !== ended[0];
          if (isOld && mayGo) expect(gone.has(run)).toBe(true);
        }
      }),
    );
  });
});

test("a rule without a job is for those that no rule before it names", () => {
  const rules = [{ job: "push", maxRuns: 1 }, { maxRuns: 2 }, { job: "late", maxRuns: 3 }];
  expect(["push", "other", "late"].map((job) => ruleFor(job, rules)?.maxRuns)).toEqual([1, 2, 2]);
  expect(ruleFor("other", [{ job: "push" }])).toBeUndefined();
});
