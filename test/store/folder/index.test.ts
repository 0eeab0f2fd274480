import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openRunFolder, type RunStore } from "../../../src/store/index.ts";
import { temporaryFolder } from "../../support/tree.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let store: RunStore;
beforeEach(async () => {
  temporary = await temporaryFolder("index");
  store = openRunFolder(temporary.path);
});
afterEach(() => temporary.remove());

const begin = async (time?: string) =>
  store.start({
    job: "promote",
    type: "periodic",
    now: time === undefined ? undefined : () => new Date(time),
  });
const list = async () => (await store.list({ job: "promote", limit: 100 })).runs.map(({ id }) => id);
const indexed = async () =>
  (await readFile(join(temporary.path, ".index", "promote", "ids"), "utf8"))
    .slice(128)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
const open = () => readdir(join(temporary.path, ".index", "promote", "open"));

/** A run as another program leaves it. */
async function fetched(id: string, files: Readonly<Record<string, string>> = {}) {
  const folder = join(temporary.path, "logs", "promote", id);
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

describe("the index of a job", () => {
  test("holds its runs in their order, in whatever order they begin", async () => {
    const times = ["2022-01-01T00:00:00Z", "2021-01-01T00:00:00Z", "2023-01-01T00:00:00Z"];
    const ids: string[] = [];
    for (const time of times) ids.push((await begin(time)).id);
    expect(await indexed()).toEqual([ids[1], ids[0], ids[2]]);
    expect(await list()).toEqual([ids[2], ids[0], ids[1]]);
  });

  test("is not believed once others have put runs there, or taken them away, and is mended by the next run", async () => {
    const run = await begin();
    await fetched("7", { "finished.json": "{}" });
    await fetched("8");
    expect(await list()).toEqual([run.id, "8", "7"]);
    expect(await indexed()).toEqual([run.id]);
    await rm(join(temporary.path, "logs", "promote", "7"), { recursive: true });
    expect(await list()).toEqual([run.id, "8"]);
    const next = await begin();
    expect(await indexed()).toEqual(["8", run.id, next.id]);
    // What it did not know and has no end may have to be closed.
    expect((await open()).sort()).toEqual([run.id, next.id, "8"].sort());
  });

  test("may be lost, cut short or nonsense at any time", async () => {
    const ids = [(await begin()).id];
    const path = join(temporary.path, ".index", "promote", "ids");
    for (const harm of [
      () => rm(join(temporary.path, ".index"), { recursive: true }),
      () => writeFile(path, "nonsense"),
      async () => writeFile(path, (await readFile(path)).subarray(0, -5)),
    ]) {
      await harm();
      expect(await list()).toEqual(ids);
      ids.unshift((await begin()).id);
      expect(await list()).toEqual(ids);
      expect(await indexed()).toEqual(ids.toReversed());
    }
  });

  test("knows which runs are not over", async () => {
    const run = await begin();
    expect(await open()).toEqual([run.id]);
    await run.finish({ result: "SUCCESS" });
    expect(await open()).toEqual([]);
    const gone = await begin();
    await rm(gone.where, { recursive: true });
    const next = await begin();
    expect(await open()).toEqual([next.id]);
  });
});
