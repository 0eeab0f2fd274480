import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openObjects } from "../../src/objects/index.ts";
import { openRunDatabase, openRunFolder, type RunStore, storeMigrations } from "../../src/store/index.ts";
import { describeDatabases } from "../support/databases.ts";
import { temporaryFolder } from "../support/tree.ts";
import { memoryRuns } from "./memory-runs.ts";

describe("runs in a folder", () => keepToContract(async (folder) => openRunFolder(folder)));
describe("runs in memory", () => keepToContract(async () => memoryRuns()));
describe("runs in a database", () => {
  describeDatabases(({ open }) =>
    keepToContract(async (folder) =>
      openRunDatabase(await open(storeMigrations), {
        objects: openObjects(join(folder, "objects")),
        spool: join(folder, "spool"),
      }),
    ),
  );
});

/** What every store of runs keeps to, wherever it has them. */
function keepToContract(open: (folder: string) => Promise<RunStore>): void {
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
  let store: RunStore;
  beforeEach(async () => {
    temporary = await temporaryFolder("contract");
    store = await open(temporary.path);
  });
  afterEach(() => temporary.remove());

  const begin = (job = "promote") => store.start({ job, type: "periodic" });
  const textOf = async (bytes: AsyncIterable<Uint8Array> | undefined) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of bytes ?? []) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  };
  const list = async (query: Partial<Parameters<RunStore["list"]>[0]> = {}) =>
    (await store.list({ limit: 100, ...query })).runs.map(({ id }) => id);

  test("are plain data: what they are about, how far they are, and how they ended", async () => {
    const head = {
      verb: "promote",
      by: "ann@laptop",
      subject: "registry.k8s.io",
      commit: "c0ffee",
      options: { confirm: true, since: "main" },
    };
    const run = await store.start({ job: "promote", type: "periodic", head });
    const begun = (await store.find(run.id)).record;
    expect(begun).toMatchObject({ job: "promote", id: run.id, result: "PENDING", head, revision: "c0ffee" });
    expect(begun.finishedAt).toBeUndefined();
    await run.finish({ result: "FAILURE", planHash: "sha256:1" });
    const ended = (await store.find(run.id)).record;
    expect(ended).toMatchObject({ result: "FAILURE", planHash: "sha256:1", head, revision: "c0ffee" });
    expect(ended.finishedAt).toBeInstanceOf(Date);
    expect(JSON.parse(JSON.stringify(ended))).toMatchObject({ head, where: run.where });
  });

  test("keep a log, of which every part can be read while it grows", async () => {
    const run = await begin();
    run.log("one\n");
    run.log(Buffer.from([0xff, 0x0a]));
    const stored = await store.find(run.id);
    expect(Buffer.from(await textOf(stored.log())).length).toBeGreaterThan(5);
    expect(await textOf(stored.log(2))).toMatch(/^e\n/);
    run.log("two\n");
    expect(await textOf(stored.log(6))).toBe("two\n");
    expect(await textOf(stored.log(1000))).toBe("");
  });

  test("keep artifacts, those of programs among them, and nothing that lies elsewhere", async () => {
    const run = await begin();
    await run.write("report.json", "{}");
    await run.write("deep/er/plan.json", ["[", "]"]);
    await mkdir(join(run.artifacts, "junit"));
    await writeFile(join(run.artifacts, "junit", "a.xml"), "<a/>");
    for (const path of ["../a", "", ".", "a/../../b"]) {
      await expect(run.write(path, "x")).rejects.toMatchObject({ code: "run-unwritable" });
    }
    await run.finish({ result: "SUCCESS" });
    const stored = await store.find(run.id);
    expect(await stored.artifacts()).toEqual(["deep/er/plan.json", "junit/a.xml", "report.json"]);
    expect(await textOf(await stored.artifact("deep/er/plan.json"))).toBe("[]");
    expect(await textOf(await stored.artifact("junit/a.xml"))).toBe("<a/>");
    for (const path of ["none", "../started.json", "", "deep"]) {
      expect(await stored.artifact(path)).toBeUndefined();
    }
  });

  test("keep events in their order, each with its time, behind a line that says what they are", async () => {
    const run = await begin();
    run.append({ type: "planned" });
    run.append(Object.assign({ type: "edge-done" }, { tag: "v1" }));
    const lines = (await textOf(await (await store.find(run.id)).artifact("events.jsonl")))
      .trim()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { format: "waybill-events/1", job: "promote", id: run.id },
      { at: expect.stringMatching(/^\d{4}-.*Z$/), type: "planned" },
      { at: expect.stringMatching(/^\d{4}-.*Z$/), type: "edge-done", tag: "v1" },
    ]);
  });

  test("have one end", async () => {
    const run = await begin();
    await run.finish({ result: "ABORTED" });
    expect(() => run.log("more")).toThrow("the run has ended");
    expect(() => run.append({ type: "more" })).toThrow("the run has ended");
    await expect(run.write("a", "b")).rejects.toMatchObject({ code: "run-unwritable" });
    await expect(run.finish({ result: "SUCCESS" })).rejects.toMatchObject({ code: "run-unwritable" });
    expect((await store.find(run.id)).record.result).toBe("ABORTED");
  });

  test("are found by id, by job and id, by where they are, and by a job's name, which is its newest", async () => {
    const [old, other, run] = [await begin(), await begin("review"), await begin()];
    for (const name of [old.id, `promote/${old.id}`, old.where]) {
      expect((await store.find(name)).record.id).toBe(old.id);
    }
    expect((await store.find("promote")).record.id).toBe(run.id);
    expect((await store.find("review")).record.id).toBe(other.id);
    for (const name of ["nothing", `review/${old.id}`, "12345"]) {
      await expect(store.find(name)).rejects.toMatchObject({ code: "unknown-run" });
    }
  });

  test("are listed newest first, in pages that hold each of them once, whatever begins meanwhile", async () => {
    const ids: string[] = [];
    for (let at = 0; at < 7; at += 1) ids.unshift((await begin(at % 3 === 0 ? "review" : "promote")).id);
    expect(await list()).toEqual(ids);
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await store.list({ limit: 3, after });
      seen.push(...page.runs.map(({ id }) => id));
      after = page.next;
      if (after === undefined) break;
      await begin();
    }
    expect(seen).toEqual(ids);
    const first = await store.list({ job: "review", limit: 2 });
    expect(first.runs.map(({ id }) => id)).toEqual([ids[0], ids[3]]);
    expect(await list({ job: "review", after: first.next })).toEqual([ids[6]]);
    expect((await store.list({ job: "review", limit: 3 })).next).toBeUndefined();
    expect(await list({ job: "nothing" })).toEqual([]);
    await expect(store.list({ limit: 1, after: "nonsense" })).rejects.toMatchObject({ code: "unknown-run" });
  });

  test("with names that say nothing are refused", async () => {
    for (const job of ["a job", "", "..", "a/b"]) {
      await expect(begin(job)).rejects.toMatchObject({ code: "invalid-job-name" });
    }
    const nobody = store.start({ job: "pull", type: "presubmit" });
    await expect(nobody).rejects.toMatchObject({ code: "invalid-refs" });
    expect(await list()).toEqual([]);
  });
}
