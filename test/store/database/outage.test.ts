import { expect, test } from "vitest";
import { openRunFolder } from "../../../src/store/index.ts";
import { describePostgres, usePostgres } from "../../support/databases.ts";
import { logOf, tail, useRuns } from "./support.ts";

describePostgres("a database that is away", () => {
  const databases = usePostgres();
  const own = useRuns(databases);

  test("costs a run that goes on nothing: its record catches up", async () => {
    const run = await own.runs.start({ job: "push", type: "postsubmit", id: "7", attempt: 1 });
    run.log("before\n");
    expect(await logOf(own.runs, "7")).toBe("before\n");
    await databases.server().stop();
    for (let line = 0; line < 1_000; line += 1) {
      run.log(`${line}\n`);
      run.append({ type: "planned" });
    }
    await run.write("report.json", "{}");
    const ended = run.finish({ result: "SUCCESS" });
    await expect(own.runs.find("7")).rejects.toMatchObject({ name: "DatabaseError" });
    await databases.server().start();
    await ended;
    const lines = (await logOf(own.runs, "7")).split("\n");
    expect([lines.length, lines[0], lines.at(-2)]).toEqual([1_002, "before", "999"]);
    expect((await own.runs.find("7")).record.result).toBe("SUCCESS");
    expect(await (await openRunFolder(own.objects.where).find("7")).artifacts()).toEqual([
      "events.jsonl",
      "report.json",
    ]);
  });

  test("is looked at again by those who follow", async () => {
    const run = await own.runs.start({ job: "push", type: "postsubmit", id: "8", attempt: 1 });
    run.log("before\n");
    const follower = tail(own.runs, "8");
    expect((await follower.next()).value).toMatchObject({ offset: 7 });
    const next = follower.next();
    await databases.server().stop();
    run.log("after\n");
    await databases.server().start();
    expect((await next).value).toMatchObject({ offset: 13 });
    await run.finish({ result: "SUCCESS" });
    expect((await follower.next()).done).toBe(true);
  });
});
