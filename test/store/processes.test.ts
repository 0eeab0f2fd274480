import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bootMark } from "../../src/disk/index.ts";
import { openRunFolder, type RunStore } from "../../src/store/index.ts";
import { sourceUrl } from "../support/built.ts";
import { outputOf, start } from "../support/child.ts";
import { openRandom } from "../support/random.ts";
import { temporaryFolder } from "../support/tree.ts";
import { jobHistory } from "./job-history.ts";

const job = "post-k8sio-image-promo";
let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let store: RunStore;

beforeEach(async () => {
  temporary = await temporaryFolder("runs");
  store = openRunFolder(temporary.path);
});
afterEach(() => temporary.remove());

const found = async (name: string, runs = store) => (await runs.find(name)).record;
const listed = async (job?: string, runs = store) => (await runs.list({ job, limit: 1000 })).runs;

/** A program over the same store, as arguments of Node. */
function program(body: string): string[] {
  const door = JSON.stringify(sourceUrl("store/index.ts"));
  const script = `
    import { openRunFolder } from ${door};
    const store = openRunFolder(${JSON.stringify(temporary.path)});
    const begin = (more) => store.start({ job: "${job}", type: "periodic", ...more });
    ${body}`;
  return ["--input-type=module", "--eval", script];
}

const latest = () => readFile(join(temporary.path, "logs", job, "latest-build.txt"), "utf8");

describe("processes that begin runs of one job at once", () => {
  test("each get ids of their own, at the same time of the clock, and all is recorded", async () => {
    const body = `
      const now = () => new Date("2021-04-21T21:08:53Z");
      for (let at = 0; at < 15; at += 1) {
        const run = await begin({ now });
        run.log(run.id);
        await run.finish({ result: "SUCCESS" });
        console.log(run.id);
      }`;
    const outputs = await Promise.all([1, 2, 3].map(() => outputOf(process.execPath, program(body))));
    const ids = outputs.flatMap((text) => text.trim().split("\n"));
    expect([ids.length, new Set(ids).size]).toEqual([45, 45]);
    const runs = await listed(job);
    expect(runs.map(({ id }) => id)).toEqual(ids.toSorted().reverse());
    expect(new Set(runs.map(({ result }) => result))).toEqual(new Set(["SUCCESS"]));
    expect(await latest()).toBe(runs[0]?.id);
    for (const { where: folder, id } of runs) {
      expect(await readFile(join(folder, "build-log.txt"), "utf8")).toBe(id);
    }
    expect(await readdir(join(temporary.path, ".unfinished"))).toEqual([]);
  });

  test("and threads of one process do so as well", async () => {
    const [, script = ""] = program(`
      import { parentPort } from "node:worker_threads";
      const ids = [];
      const now = () => new Date("2021-04-21T21:08:53Z");
      for (let at = 0; at < 10; at += 1) ids.push((await begin({ now })).id);
      parentPort.postMessage(ids);`).slice(1);
    const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
    const answers = await Promise.all(
      [1, 2, 3].map(async () => (await once(new Worker(url), "message")) as [string[]]),
    );
    expect(new Set(answers.flat(2)).size).toBe(30);
  });
});

describe("a run whose process was killed", () => {
  test("keeps its log, shows as crashed, and is closed by the next run of its job", async () => {
    const body = `
      const run = await begin({ type: "postsubmit", refs: { org: "a", repo: "b", base_ref: "main", base_sha: "cafe" } });
      run.log("before the end\\n");
      console.log(run.id);
      setInterval(() => {}, 1000);`;
    const killed = await start(process.execPath, program(body));
    const alive = await start(process.execPath, program(body));
    await killed.kill();
    const stateOf = async (id: string) => (await found(id)).result;
    expect([await stateOf(killed.firstLine), await stateOf(alive.firstLine)]).toEqual(["CRASHED", "PENDING"]);
    const { where: folder } = await found(killed.firstLine);
    expect(await readFile(join(folder, "build-log.txt"), "utf8")).toBe("before the end\n");

    await (await store.start({ job: "another", type: "periodic" })).finish({ result: "SUCCESS" });
    expect(await stateOf(killed.firstLine)).toBe("CRASHED");
    await (await store.start({ job, type: "periodic" })).finish({ result: "SUCCESS" });
    expect([await stateOf(killed.firstLine), await stateOf(alive.firstLine)]).toEqual(["ABORTED", "PENDING"]);
    await alive.kill();
    expect(JSON.parse(await readFile(join(folder, "finished.json"), "utf8"))).toMatchObject({
      passed: false,
      result: "ABORTED",
      revision: "cafe",
      metadata: { reason: "the process that did the run ended without a last word" },
    });
    const prowJob = JSON.parse(await readFile(join(folder, "prowjob.json"), "utf8"));
    expect(prowJob).toMatchObject({ spec: { job }, status: { state: "aborted" } });
  });

  test("at any moment leaves only whole documents, and never an id that is used twice", async () => {
    const body = `
      console.log("begin");
      for (;;) {
        const run = await begin();
        await run.finish({ result: "SUCCESS" });
      }`;
    const random = openRandom();
    for (let round = 0; round < 6; round += 1) {
      const writer = await start(process.execPath, program(body));
      await new Promise((resolve) => setTimeout(resolve, random() * 60));
      await writer.kill();
    }
    await (await store.start({ job, type: "periodic" })).finish({ result: "SUCCESS" });
    const runs = await listed(job);
    for (const { where: folder, result } of runs) {
      expect(["SUCCESS", "ABORTED"]).toContain(result);
      for (const name of ["started.json", "prowjob.json", "finished.json"]) {
        JSON.parse(await readFile(join(folder, name), "utf8"));
      }
    }
    expect(await latest()).toBe(runs[0]?.id);
  });

  test.skipIf(bootMark() === undefined)("by a loss of power is closed after the next start", async () => {
    const run = await store.start({ job, type: "periodic" });
    const path = join(run.where, "started.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replaceAll(/-[0-9a-f]{12}"/g, '-0123456789ab"'));
    expect(await found(run.id)).toMatchObject({ result: "PENDING" });
    await utimes(join(run.where, "build-log.txt"), 0, 1_000_000_000);
    expect(await found(run.id)).toMatchObject({ result: "CRASHED" });
    await store.start({ job, type: "periodic" });
    const closed = { result: "ABORTED", finishedAt: new Date(1_000_000_000_000) };
    expect(await found(run.id)).toMatchObject(closed);
  });

  test("elsewhere is not judged", async () => {
    const run = await store.start({ job, type: "periodic" });
    const path = join(run.where, "started.json");
    const text = (await readFile(path, "utf8")).replaceAll(/[0-9a-f]+-[0-9a-f]{12}"/g, '12-0123456789ab"');
    await writeFile(path, text);
    await store.start({ job, type: "periodic" });
    expect(await found(run.id)).toMatchObject({ result: "PENDING" });
  });
});

describe("the job history of Prow's pages", () => {
  test("shows our runs, those of pull requests as well", async () => {
    const refs = { org: "a", repo: "b", base_ref: "main", base_sha: "cafe" };
    for (let second = 10; second < 35; second += 1) {
      const now = () => new Date(`2021-04-21T21:08:${second}Z`);
      const run = await store.start({ job, type: "postsubmit", refs, now });
      if (second < 34) await run.finish({ result: second % 2 === 0 ? "SUCCESS" : "FAILURE" });
    }
    const rows = await jobHistory(temporary.path, `logs/${job}`);
    expect(rows).toHaveLength(20);
    expect(rows.slice(0, 3).map(({ result, commit }) => [result, commit])).toEqual([
      ["Pending", "cafe"],
      ["FAILURE", "cafe"],
      ["SUCCESS", "cafe"],
    ]);
    expect(rows[0]?.started).toEqual(new Date("2021-04-21T21:08:34Z"));

    const pulls = [{ number: 7, sha: "beef" }];
    const presubmit = await store.start({ job, type: "presubmit", refs: { ...refs, pulls } });
    await presubmit.finish({ result: "ABORTED" });
    expect(await jobHistory(temporary.path, `pr-logs/directory/${job}`)).toMatchObject([
      { id: presubmit.id, result: "ABORTED" },
    ]);
  });
});

/** Whether this user can mount a small file system, on which a disk can be filled for real. */
const canMount =
  process.platform === "linux" &&
  spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;

describe("a disk that is full", () => {
  const reason = canMount ? "" : " [skipped: this user cannot mount a tmpfs]";
  const onSmallDisk = test.skipIf(!canMount && process.env.CI !== "true");
  let disk: string;
  beforeEach(async () => {
    disk = join(temporary.path, "disk");
    await mkdir(disk);
    if (canMount) spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]);
  });
  afterEach(() => {
    if (canMount) spawnSync("umount", [disk]);
  });

  onSmallDisk(`is said, and the run can end once there is room${reason}`, async () => {
    const small = openRunFolder(join(disk, "data"));
    const run = await small.start({ job, type: "periodic" });
    const full = {
      code: "run-unwritable",
      message: "the disk is full, so the run cannot be recorded",
      hint: "make room and run again",
    };
    const fill = () => {
      for (;;) run.log("x".repeat(4096));
    };
    expect(fill).toThrow(expect.objectContaining(full));
    await expect(run.write("images.json", "{}")).rejects.toMatchObject(full);
    await expect(small.start({ job, type: "periodic" })).rejects.toMatchObject(full);
    expect((await listed(undefined, small)).map(({ result }) => result)).toEqual(["PENDING"]);
    await writeFile(join(run.where, "build-log.txt"), "");
    await run.finish({ result: "FAILURE" });
    expect(await found(job, small)).toMatchObject({ id: run.id, result: "FAILURE" });
    await rm(join(disk, "data"), { recursive: true });
  });
});
