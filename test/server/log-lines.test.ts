import { expect, test } from "vitest";
import { ask } from "../queue/support.ts";
import { usePglite } from "../support/databases.ts";
import { serverMigrations, serverWorld } from "./server-world.ts";

const databases = usePglite();

test("a log is given by lines of several places, by what stands in them, and by what is worth a look", async () => {
  const served = await serverWorld(await databases.open(serverMigrations), {
    access: { anonymousReading: true },
  });
  const { id } = await ask(served.db, { job: "a" });
  const record = await served.runs.start({ id, attempt: 1, job: "a", type: "postsubmit" });
  record.log(Array.from({ length: 300 }, (_, at) => `line ${at + 1}\n`).join(""));
  record.log("--- Deploy\nerror: it broke\nhalf a line");
  const got = async (path: string) => JSON.parse(await (await served.ask(`/runs/${id}/log/${path}`)).text());
  const { lines, ...extent } = await got("lines?ranges=2-3,303");
  expect(lines.map(({ number }: { number: number }) => number)).toEqual([2, 3, 303]);
  expect(Date.parse(lines[0].at)).toBeGreaterThan(0);
  expect(extent).toEqual({ total: 303, size: 2630, isOpen: true });
  expect(await got("outline")).toEqual({
    ...{ chapters: [{ line: 301, title: "Deploy", kind: "section" }], suspects: [302], suspected: 1 },
    ...extent,
  });
  const found = await got(`matches?regex=true&text=${encodeURIComponent("LINE 2\\d$")}`);
  expect(found.lines.map(({ text }: { text: string }) => text)).toEqual(
    Array.from({ length: 10 }, (_, at) => `line ${at + 20}`),
  );
  for (const wrong of [
    ...["lines?ranges=5-2", "lines?ranges=1-20,15-30", "lines?ranges=1-6000", "lines?ranges=0"],
    ...["matches?regex=true&text=(", "matches?text="],
  ]) {
    expect((await served.ask(`/runs/${id}/log/${wrong}`)).status).toBe(400);
  }
  expect((await served.ask("/runs/1/log/outline")).status).toBe(404);
});
