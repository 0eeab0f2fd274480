import { spawnSync } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { processMark } from "../../src/disk/index.ts";
import { holdingTurn, type Job } from "../../src/jobs/index.ts";
import { promised } from "../support/promised.ts";
import { temporaryFolder } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder("turn");
});
afterEach(() => folder.remove());

type Limits = Pick<Job, "name" | "mutex" | "maxConcurrency">;

/** A run that goes on until it is ended, and what it says while it waits. */
function begin(job: Limits) {
  const waits = promised<string>();
  const begins = promised<void>();
  const ends = promised<void>();
  const body = async (): Promise<void> => {
    begins.resolve();
    await ends.promise;
  };
  const over = holdingTurn(job, join(folder.path, "locks"), body, ({ what, holder }) =>
    waits.resolve(`waiting: ${what} (process ${holder})`),
  );
  return { waits: waits.promise, begins: begins.promise, end: ends.resolve, over };
}

describe("runs of jobs", () => {
  test("with one mutex go on one at a time, whichever job they are of", async () => {
    const first = begin({ name: "a", mutex: "images/../x" });
    await first.begins;
    const second = begin({ name: "b", mutex: "images/../x" });
    expect(await second.waits).toBe(
      `waiting: another run holds the mutex images/../x (process ${process.pid})`,
    );
    const other = begin({ name: "c", mutex: "images/__/x" });
    await other.begins;
    first.end();
    await second.begins;
    for (const run of [second, other]) run.end();
    await Promise.all([first.over, second.over, other.over]);
    expect(await readdir(join(folder.path, "locks"))).toEqual([]);
  });

  test("are as many at a time as maxConcurrency says", async () => {
    const two = [begin({ name: "a", maxConcurrency: 2 }), begin({ name: "a", maxConcurrency: 2 })];
    await Promise.all(two.map(({ begins }) => begins));
    const third = begin({ name: "a", maxConcurrency: 2 });
    expect(await third.waits).toBe(`waiting: 2 runs of a go on (process ${process.pid})`);
    const other = begin({ name: "b", maxConcurrency: 1 });
    await other.begins;
    two[1]?.end();
    await third.begins;
    for (const run of [...two, third, other]) run.end();
    await Promise.all([...two, third, other].map(({ over }) => over));
  });

  test("do not wait for a process that was killed", async () => {
    const job = { name: "a", mutex: "m" };
    const first = begin(job);
    await first.begins;
    const locks = join(folder.path, "locks");
    const [file = ""] = await readdir(locks);
    first.end();
    await first.over;
    await mkdir(locks, { recursive: true });
    const { pid } = spawnSync(process.execPath, ["-e", "0"]);
    await writeFile(join(locks, file), `${processMark().replace(/^[0-9]+/, String(pid))} token\n`);
    const next = begin(job);
    await next.begins;
    next.end();
    await next.over;
  });

  test("without a limit need no folder", async () => {
    const file = join(folder.path, "file");
    await writeFile(file, "");
    const nowhere = join(file, "locks");
    expect(
      await holdingTurn(
        { name: "a" },
        nowhere,
        async () => 7,
        () => expect.fail(),
      ),
    ).toBe(7);
    const limited = { name: "a", mutex: "m" };
    await expect(
      holdingTurn(
        limited,
        nowhere,
        async () => 7,
        () => expect.fail(),
      ),
    ).rejects.toMatchObject({
      code: "turn-unavailable",
      where: nowhere,
    });
  });
});
