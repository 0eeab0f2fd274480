import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultDataFolder, openRunFolder, type RunRequest, type RunStore } from "../../src/store/index.ts";
import { temporaryFolder } from "../support/tree.ts";

const sha = "0123456789012345678901234567890123456789";
const refs = { org: "cncf", repo: "apisnoop", base_ref: "main", base_sha: sha };
const pulls = [{ number: 5, sha: sha.replaceAll("0", "f"), author: "hh", title: "Snoop" }];
const at = (time: string) => () => new Date(time);
const postsubmit: RunRequest = {
  job: "apisnoop-push-snoopdb-images",
  type: "postsubmit",
  refs,
  spec: { cluster: "k8s-infra-prow-build-trusted" },
  now: at("2021-04-21T21:08:53.001Z"),
};

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let store: RunStore;
beforeEach(async () => {
  temporary = await temporaryFolder("runs");
  store = openRunFolder(temporary.path);
});
afterEach(() => temporary.remove());

const found = async (name: string, runs = store) => (await runs.find(name)).record;
const listed = async (job?: string, runs = store) => (await runs.list({ job, limit: 1000 })).runs;

const textOf = (...path: string[]) => readFile(join(temporary.path, ...path), "utf8");
const jsonOf = async (...path: string[]) => JSON.parse(await textOf(...path));
const folders = async () =>
  (await readdir(temporary.path, { recursive: true })).filter((name) => !name.startsWith(".unfinished"));

describe("a run", () => {
  test("is recorded as Prow records it, from the beginning to the end", async () => {
    const run = await store.start(postsubmit);
    const folder = ["logs", "apisnoop-push-snoopdb-images", "1384977461019676672"] as const;
    expect(run).toMatchObject({
      job: postsubmit.job,
      id: folder[2],
      where: join(temporary.path, ...folder),
    });
    expect(await jsonOf(...folder, "started.json")).toEqual({
      timestamp: 1619039333,
      repos: { "cncf/apisnoop": `main:${sha}` },
      "repo-commit": sha,
      metadata: expect.objectContaining({ process: expect.stringMatching(/^[0-9]+-[0-9a-f]{12}$/) }),
    });
    const begun = await jsonOf(...folder, "prowjob.json");
    expect(begun).toEqual({
      apiVersion: "prow.k8s.io/v1",
      kind: "ProwJob",
      metadata: {
        name: expect.stringMatching(/^[0-9a-f-]{36}$/),
        creationTimestamp: "2021-04-21T21:08:53Z",
        labels: expect.objectContaining({
          "prow.k8s.io/build-id": folder[2],
          "prow.k8s.io/job": postsubmit.job,
          "prow.k8s.io/refs.repo": "apisnoop",
        }),
        annotations: { "prow.k8s.io/job": postsubmit.job },
      },
      spec: { cluster: "k8s-infra-prow-build-trusted", type: "postsubmit", job: postsubmit.job, refs },
      status: {
        startTime: "2021-04-21T21:08:53Z",
        pendingTime: "2021-04-21T21:08:53Z",
        state: "pending",
        build_id: folder[2],
      },
    });
    expect(await textOf("logs", postsubmit.job, "latest-build.txt")).toBe(folder[2]);
    expect(await found(run.where)).toMatchObject({ result: "PENDING", refs, revision: sha });

    run.log("one\n");
    run.log(Buffer.from("two\n"));
    await run.write("images.json", "{}");
    await run.write("deep/er/file", new Uint8Array([1]));
    expect(await textOf(...folder, "build-log.txt")).toBe("one\ntwo\n");
    expect(await textOf(...folder, "artifacts", "images.json")).toBe("{}");
    expect(await readdir(join(run.artifacts, "deep", "er"))).toEqual(["file"]);

    await run.finish({ result: "SUCCESS", metadata: { images: 2 } });
    expect(await jsonOf(...folder, "finished.json")).toEqual({
      timestamp: 1619039333,
      passed: true,
      result: "SUCCESS",
      revision: sha,
      metadata: { images: 2 },
    });
    const ended = await jsonOf(...folder, "prowjob.json");
    expect(ended.status).toMatchObject({ state: "success", completionTime: "2021-04-21T21:08:53Z" });
    expect(ended.metadata).toEqual(begun.metadata);
    expect(await found(run.id)).toEqual({
      job: postsubmit.job,
      id: run.id,
      where: run.where,
      log: join(run.where, "build-log.txt"),
      startedAt: new Date("2021-04-21T21:08:53Z"),
      finishedAt: new Date("2021-04-21T21:08:53Z"),
      result: "SUCCESS",
      refs,
      revision: sha,
    });
    expect(await readdir(join(temporary.path, ".unfinished"))).toEqual([]);
  });

  test("has an end, after which nothing is written", async () => {
    const run = await store.start(postsubmit);
    run.append({ type: "early" });
    await run.finish({ result: "FAILURE", revision: "v1" });
    expect(() => run.log("more")).toThrow("the run has ended");
    expect(() => run.append({ type: "late" })).toThrow("the run has ended");
    await expect(run.write("a", "b")).rejects.toMatchObject({ code: "run-unwritable" });
    await expect(run.finish({ result: "SUCCESS" })).rejects.toMatchObject({ code: "run-unwritable" });
    expect(await found(run.id)).toMatchObject({ result: "FAILURE", revision: "v1" });
  });

  test("whose record was removed meanwhile has no end, and is no half of a record", async () => {
    const run = await store.start({ job: "push", type: "periodic" });
    run.log("begun\n");
    await rm(run.where, { recursive: true });
    await run.write("report.json", "{}");
    await expect(run.finish({ result: "SUCCESS" })).rejects.toMatchObject({
      code: "run-unwritable",
      message: "the record was removed while the run went on",
    });
  });

  test("of a pull request lies with it, and is found through its job", async () => {
    const request: RunRequest = {
      ...postsubmit,
      job: "pull-it",
      type: "presubmit",
      refs: { ...refs, pulls },
    };
    const run = await store.start(request);
    const place = `pr-logs/pull/cncf_apisnoop/5/pull-it/${run.id}`;
    expect(run.where).toBe(join(temporary.path, place));
    expect(await textOf("pr-logs", "directory", "pull-it", `${run.id}.txt`)).toBe(place);
    expect(await textOf("pr-logs", "directory", "pull-it", "latest-build.txt")).toBe(run.id);
    expect(await jsonOf(place, "started.json")).toMatchObject({
      pull: "5",
      repos: { "cncf/apisnoop": `main:${sha},5:${pulls[0]?.sha}` },
    });
    await rm(join(run.where, "prowjob.json"));
    const expected = { job: "pull-it", where: run.where, refs: { ...refs, pulls: [{ number: 5 }] } };
    for (const name of ["pull-it", run.id, `pull-it/${run.id}`, place]) {
      expect(await found(name)).toMatchObject(expected);
    }
    expect(await listed()).toHaveLength(1);

    const batch = await store.start({ ...request, type: "batch" });
    expect(batch.where).toBe(join(temporary.path, "pr-logs", "pull", "batch", "pull-it", batch.id));
    expect(batch.id).not.toBe(run.id);
    expect((await listed("pull-it")).map(({ id }) => id)).toEqual([batch.id, run.id]);
  });

  test("is followed in a bucket that was fetched", async () => {
    const place = "pr-logs/pull/cncf_apisnoop/5/pull-it/7";
    await mkdir(join(temporary.path, place), { recursive: true });
    await mkdir(join(temporary.path, "pr-logs", "directory", "pull-it"), { recursive: true });
    const pointer = join(temporary.path, "pr-logs", "directory", "pull-it", "7.txt");
    await writeFile(pointer, `gs://kubernetes-ci-logs/${place}\n`);
    expect(await found("pull-it")).toEqual({
      job: "pull-it",
      id: "7",
      where: join(temporary.path, place),
      log: join(temporary.path, place, "build-log.txt"),
      result: "PENDING",
    });
    for (const elsewhere of ["pr-logs/pull/../../../pull-it/7", "/pull-it/7", `${place}8`, "logs/other/7"]) {
      await writeFile(pointer, elsewhere);
      expect(await listed()).toEqual([]);
    }
  });

  test.each(["a job", "", "..", "a/b", "ä", "x".repeat(300)])("of %j is refused", async (job) => {
    await expect(store.start({ job, type: "periodic" })).rejects.toMatchObject({ code: "invalid-job-name" });
    expect(await folders()).toEqual([]);
  });

  test("for a pull request that nobody names is refused", async () => {
    for (const wrong of [{}, { refs }, { refs: { ...refs, org: "../..", pulls } }]) {
      const { refs: _, ...rest } = postsubmit;
      await expect(store.start({ ...rest, type: "presubmit", ...wrong })).rejects.toMatchObject({
        code: "invalid-refs",
      });
    }
    expect(await folders()).toEqual([]);
  });

  test("writes below its artifacts only", async () => {
    const run = await store.start(postsubmit);
    for (const path of ["..", "../finished.json", "/etc/passwd", "a/../../b", "", "."]) {
      await expect(run.write(path, "x")).rejects.toMatchObject({ code: "run-unwritable" });
    }
    expect(await readdir(run.where)).toEqual(["artifacts", "build-log.txt", "prowjob.json", "started.json"]);
  });
});

describe("runs that begin at once", () => {
  test("have ids of their own, also in different jobs, and the newest is the latest", async () => {
    const others = { ...postsubmit, job: "other" };
    const started = await Promise.all(
      Array.from({ length: 30 }, (_, number) => store.start(number % 2 === 0 ? postsubmit : others)),
    );
    expect(new Set(started.map(({ id }) => id)).size).toBe(30);
    for (const job of [postsubmit.job, "other"]) {
      const [newest] = await listed(job);
      expect(await textOf("logs", job, "latest-build.txt")).toBe(newest?.id);
    }
  });

  test("do not let the latest go backwards", async () => {
    const newer = await store.start({ ...postsubmit, now: at("2022-01-01T00:00:00Z") });
    await store.start(postsubmit);
    expect(await textOf("logs", postsubmit.job, "latest-build.txt")).toBe(newer.id);
  });
});

describe("finding a run", () => {
  test("prefers the newest, and says what there is", async () => {
    await expect(found("anything")).rejects.toMatchObject({
      code: "unknown-run",
      hint: "no run is recorded there yet; another data folder may be meant",
    });
    const old = await store.start({ ...postsubmit, job: "push", now: at("2021-01-01T00:00:00Z") });
    const run = await store.start({ ...postsubmit, job: "push" });
    expect((await found("push")).id).toBe(run.id);
    expect((await found(`push/${old.id}`)).id).toBe(old.id);
    expect((await found(old.where)).id).toBe(old.id);
    expect((await found(`${old.where}/`)).id).toBe(old.id);
    const hintFor = (name: string) => found(name).catch(({ hint }) => hint);
    expect(await hintFor("pusch")).toBe("did you mean push?");
    expect(await hintFor("push/12")).toBe(`the newest run of push is push/${run.id}`);
    expect(await hintFor("something-else")).toBe("there are runs of push");
    expect(await listed("something-else")).toEqual([]);
    expect(await listed("../..")).toEqual([]);
  });
});

describe("a record that is broken", () => {
  const broken: Readonly<Record<string, [files: Record<string, string>, result: string]>> = {
    nothing: [{}, "PENDING"],
    "no JSON": [{ "started.json": "{", "finished.json": "nonsense" }, "FAILURE"],
    "other types": [{ "started.json": '{"timestamp":"x","repos":[1]}', "finished.json": "[]" }, "FAILURE"],
    "no result": [{ "finished.json": '{"timestamp":1619039333,"passed":true}' }, "SUCCESS"],
    "an odd result": [{ "finished.json": '{"result":"ERROR","passed":false}' }, "FAILURE"],
    "only a Prow job's state": [
      { "finished.json": "{}", "prowjob.json": '{"status":{"state":"aborted"}}' },
      "ABORTED",
    ],
    "a foreign process": [{ "started.json": '{"metadata":{"process":"1-000000000000"}}' }, "PENDING"],
    "times beyond all": [{ "started.json": '{"timestamp":1e300}', "finished.json": "{}" }, "FAILURE"],
  };

  test.each(Object.entries(broken))("with %s is shown as well as it can be", async (_, [files, result]) => {
    const folder = join(temporary.path, "logs", "job", "1384977461019676672");
    await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const [run] = await listed();
    expect(run).toMatchObject({ job: "job", id: "1384977461019676672", where: folder, result });
    expect(run?.startedAt).toEqual(new Date("2021-04-21T21:08:53.001Z"));
  });

  test("does not show what it only points at, nor more than it should", async () => {
    const secret = join(temporary.path, "secret");
    await writeFile(secret, '{"timestamp":1}');
    const folder = join(temporary.path, "logs", "job", "5");
    await mkdir(folder, { recursive: true });
    await symlink(secret, join(folder, "started.json"));
    await symlink(secret, join(folder, "build-log.txt"));
    await writeFile(join(folder, "prowjob.json"), `{"status":{"state":"aborted"},"a":"${"a".repeat(5e6)}"}`);
    await symlink(temporary.path, join(temporary.path, "logs", "job", "6"));
    expect(await listed()).toEqual([
      { job: "job", id: "5", where: folder, log: join(folder, "build-log.txt"), result: "PENDING" },
    ]);
    const log: Uint8Array[] = [];
    for await (const piece of (await store.find(folder)).log()) log.push(piece);
    expect(log).toEqual([]);
  });
});

test("a data folder is chosen by the environment", () => {
  expect(defaultDataFolder({ WAYBILL_DATA: "/data", XDG_DATA_HOME: "/xdg", HOME: "/home/a" })).toBe("/data");
  expect(defaultDataFolder({ WAYBILL_DATA: "", XDG_DATA_HOME: "/xdg" })).toBe("/xdg/waybill");
  expect(defaultDataFolder({ XDG_DATA_HOME: "relative", HOME: "/home/a" })).toBe(
    "/home/a/.local/share/waybill",
  );
});
