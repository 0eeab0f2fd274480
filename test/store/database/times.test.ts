import { expect, test } from "vitest";
import { describeDatabases } from "../../support/databases.ts";
import { logOf, useRuns } from "./support.ts";

describeDatabases((databases) => {
  const own = useRuns(databases);

  test("when a log was written is known while it goes on, when it is kept, and when it goes on after that", async () => {
    const begun = { job: "push", type: "periodic" } as const;
    const run = await own.runs.start(begun);
    const { id } = run;
    const timesOf = async (from: number, to: number) => (await own.runs.find(id)).logTimes(from, to);
    run.log("one\n");
    // Brings it there without waiting for the clock.
    await logOf(own.runs, id);
    run.log("two\n");
    await logOf(own.runs, id);
    const all = await timesOf(0, 7);
    expect(all.map(({ offset }) => offset)).toEqual([0, 4]);
    expect(all[0]?.at.getTime()).toBeLessThanOrEqual(all[1]?.at.getTime() ?? 0);
    expect(await timesOf(5, 7)).toEqual(all.slice(1));
    await run.finish({ result: "FAILURE" });
    const kept = await timesOf(0, 7);
    expect(kept[0]).toEqual(all[0]);
    const again = await own.runs.start({ ...begun, id, attempt: 2 });
    again.log("three\n");
    await again.finish({ result: "SUCCESS" });
    const whole = await timesOf(0, 1_000);
    expect(whole[0]).toEqual(all[0]);
    const offsets = whole.map(({ offset }) => offset);
    expect(offsets).toEqual(offsets.toSorted((one, other) => one - other));
    const elsewhere = (await (await own.elsewhere()).find(id)).logTimes(0, 1_000);
    expect(await elsewhere).toEqual(whole);
  });
});
