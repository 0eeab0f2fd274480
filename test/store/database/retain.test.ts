import { expect, test } from "vitest";
import { describeDatabases } from "../../support/databases.ts";
import { filesBelow, useRuns } from "./support.ts";

const day = 86_400_000;
const began = Date.parse("2026-01-01T00:00:00Z");
const refs = { org: "a", repo: "b", base_ref: "main", pulls: [{ number: 7, sha: "beef" }] };

describeDatabases((databases) => {
  const own = useRuns(databases);
  /** Runs of a job, one a day, each over within it; their ids, the oldest first. */
  const daily = async (job: string, count: number, type: "periodic" | "presubmit" = "periodic") => {
    const ids: string[] = [];
    for (let at = 0; at < count; at += 1) {
      const now = () => new Date(began + at * day);
      const run = await own.runs.start({ job, type, refs, now });
      run.log(`${at}`);
      await run.write("report.json", "{}");
      await run.finish({ result: "SUCCESS" });
      ids.push(run.id);
    }
    return ids;
  };
  const left = async (job: string) =>
    (await own.runs.list({ job, limit: 100 })).runs.map(({ id }) => id).reverse();

  test("what the rules say is removed with all that is kept of it", async () => {
    const [push, pull, other] = [
      await daily("push", 5),
      await daily("pull", 4, "presubmit"),
      await daily("other", 3),
    ];
    const going = await own.runs.start({ job: "push", type: "periodic", now: () => new Date(began) });
    going.log("it goes on\n");
    const rules = [
      { job: "push", maxDays: 2 },
      { job: "pull", maxRuns: 1 },
    ];
    const now = new Date(began + 5 * day);
    const removed = await own.runs.retain(rules, { now, held: new Set([push[0] ?? ""]) });
    expect(removed).toEqual({ runs: 5, bytes: 5 * 3 });
    expect(await left("push")).toEqual([push[0], going.id, ...push.slice(3)]);
    expect(await left("pull")).toEqual(pull.slice(3));
    expect(await left("other")).toEqual(other);
    const paths = Object.keys(await filesBelow(own.objects.where));
    for (const id of [push[1], push[2], pull[0], pull[2]])
      expect(paths.filter((path) => path.includes(id ?? ""))).toEqual([]);
    expect(paths.filter((path) => path.includes(push[3] ?? ""))).toHaveLength(6);
    expect(await own.runs.retain(rules, { now, held: new Set([push[0] ?? ""]) })).toEqual({
      runs: 0,
      bytes: 0,
    });
    expect(await own.runs.adopt()).toBe(0);
    await going.finish({ result: "SUCCESS" });
  });

  test("what cannot be removed now is removed the next time", async () => {
    const ids = await daily("pull", 3, "presubmit");
    const rules = [{ maxRuns: 1 }];
    for (let calls = 0, isDone = false; !isDone; calls += 1) {
      own.objects.callsLeft = calls;
      isDone = await own.runs.retain(rules).then(
        () => true,
        () => false,
      );
      own.objects.callsLeft = Number.POSITIVE_INFINITY;
      expect((await own.runs.find("pull")).record.id).toBe(ids[2]);
    }
    expect(await left("pull")).toEqual(ids.slice(2));
    const paths = Object.keys(await filesBelow(own.objects.where));
    expect(paths.filter((path) => !path.includes(ids[2] ?? ""))).toEqual([
      "pr-logs/directory/pull/latest-build.txt",
    ]);
  });
});
