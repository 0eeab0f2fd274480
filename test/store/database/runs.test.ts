import { createHook } from "node:async_hooks";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openObjects } from "../../../src/objects/index.ts";
import { openRunDatabase, openRunFolder, RunError, type RunRequest } from "../../../src/store/index.ts";
import { describeDatabases } from "../../support/databases.ts";
import { startS3Server } from "../../support/s3-server.ts";
import { jobHistory } from "../job-history.ts";
import { doubtfulDatabase, filesBelow, logOf, textOf, useRuns } from "./support.ts";

const sha = "0123456789012345678901234567890123456789";
const refs = { org: "cncf", repo: "apisnoop", base_ref: "main", base_sha: sha };
const pulls = [{ number: 5, sha: sha.replaceAll("0", "f"), author: "hh", title: "Snoop" }];
const at = (time: string) => () => new Date(time);
const head = { verb: "promote", by: "ann@laptop", subject: "registry.k8s.io", commit: sha };
const requests: Readonly<Record<string, RunRequest>> = {
  postsubmit: { job: "push", type: "postsubmit", refs, head, spec: { cluster: "trusted" } },
  presubmit: { job: "pull-it", type: "presubmit", refs: { ...refs, pulls } },
  batch: { job: "pull-it", type: "batch", refs: { ...refs, pulls } },
  periodic: { job: "clock", type: "periodic" },
};
const taken = { code: "run-taken-over" };

describeDatabases((databases) => {
  const own = useRuns(databases);

  test("a run that has ended is in the objects as a folder of runs has it", async () => {
    const folder = join(own.folder, "runs");
    const now = at("2021-04-21T21:08:53.001Z");
    for (const store of [own.runs, openRunFolder(folder)]) {
      for (const request of Object.values(requests)) {
        const run = await store.start({ ...request, now });
        run.log("one\n");
        run.append({ type: "planned" });
        await run.write("deep/report.json", "{}");
        await mkdir(join(run.artifacts, "junit"));
        await writeFile(join(run.artifacts, "junit", "a.xml"), "<a/>");
        await run.finish({ result: "SUCCESS", planHash: "sha256:1", metadata: { images: 2 } });
      }
    }
    const named = (files: Record<string, string>) =>
      Object.fromEntries(
        Object.entries(files).map(([path, text]) => [
          path,
          text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "UUID"),
        ]),
      );
    // A folder has no times of logs.
    const kept = Object.entries(await filesBelow(own.objects.where));
    const files = Object.fromEntries(kept.filter(([path]) => !path.endsWith("/build-log-times.json")));
    expect(named(files)).toEqual(named(await filesBelow(folder)));
    expect(kept.length - Object.keys(files).length).toBe(Object.keys(requests).length);
    const shown = (await openRunFolder(own.objects.where).list({ limit: 10 })).runs;
    expect(shown).toEqual((await own.runs.list({ limit: 10 })).runs);
    expect(await readdir(join(own.folder, "spool"))).toEqual([]);
    expect(await own.db.query("SELECT 1 FROM run_chunk")).toEqual([]);
  });

  test("a log that grows faster than the database takes it keeps nothing in memory for each line", async () => {
    const run = await own.runs.start({ job: "push", type: "postsubmit" });
    run.log("x".repeat(100_000));
    let promises = 0;
    const count = createHook({
      init(_, type) {
        if (type === "PROMISE") promises += 1;
      },
    }).enable();
    for (let line = 0; line < 10_000; line += 1) run.log("one more line\n");
    count.disable();
    expect(promises).toBeLessThan(100);
    await run.finish({ result: "SUCCESS" });
    expect((await logOf(own.runs, run.id)).length).toBe(240_000);
  });

  test("Prow's pages show the history of a job", async () => {
    for (let second = 10; second < 35; second += 1) {
      const run = await own.runs.start({
        ...requests.postsubmit,
        job: "push",
        type: "postsubmit",
        now: at(`2021-04-21T21:08:${second}Z`),
      });
      await run.finish({ result: second % 2 === 0 ? "SUCCESS" : "FAILURE" });
    }
    const rows = await jobHistory(own.objects.where, "logs/push");
    expect(rows.slice(0, 2).map(({ result, commit }) => [result, commit])).toEqual([
      ["SUCCESS", sha],
      ["FAILURE", sha],
    ]);
  });

  test("the newest run of a job leads, whichever ends last", async () => {
    const older = await own.runs.start({ job: "push", type: "postsubmit", now: at("2021-04-21T21:08:53Z") });
    const newer = await own.runs.start({ job: "push", type: "postsubmit", now: at("2021-04-21T21:09:53Z") });
    await newer.finish({ result: "SUCCESS" });
    await older.finish({ result: "SUCCESS" });
    expect(await textOf((await own.objects.get("logs/push/latest-build.txt"))?.body)).toBe(newer.id);
  });

  describe("attempts at a run", () => {
    const begin = (attempt: number, runs = own.runs) =>
      runs.start({ job: "push", type: "postsubmit", id: "1384977461019676672", attempt });

    test("have the id that was given, and one log, in which the later one says so", async () => {
      const first = await begin(1);
      first.log("half a line");
      first.append({ type: "planned" });
      await own.runs.find(first.id).then(({ log }) => textOf(log()));
      const second = await begin(2, await own.elsewhere());
      expect(second).toMatchObject({ id: "1384977461019676672", uuid: first.uuid, where: first.where });
      second.log("more\n");
      second.append({ type: "planned" });
      await second.finish({ result: "SUCCESS" });
      expect(await logOf(own.runs, first.id)).toBe(
        "half a line\n--- attempt 2 of this run begins ---\nmore\n",
      );
      const events = await textOf(await (await own.runs.find(first.id)).artifact("events.jsonl"));
      expect(events.trim().split("\n")).toHaveLength(3);
      expect((await own.runs.list({ limit: 9 })).runs).toHaveLength(1);
    });

    test("are over when a later one has begun: nothing of them is written any more", async () => {
      const [first, second] = [await begin(1), await begin(2, await own.elsewhere())];
      first.log("late\n");
      await expect(first.finish({ result: "FAILURE" })).rejects.toMatchObject(taken);
      await expect(first.write("report.json", "{}")).rejects.toMatchObject(taken);
      expect(() => first.log("later")).toThrow(RunError);
      await expect(begin(1)).rejects.toMatchObject(taken);
      await second.finish({ result: "SUCCESS" });
      expect((await own.runs.find(first.id)).record.result).toBe("SUCCESS");
      expect(await logOf(own.runs, first.id)).not.toContain("late");
      expect(await (await own.runs.find(first.id)).artifacts()).toEqual([]);
    });

    test("leave the log to be read in the process that they are over in", async () => {
      const first = await begin(1);
      first.log("first\n");
      await logOf(own.runs, first.id);
      const second = await begin(2, await own.elsewhere());
      first.log("late\n");
      expect(await logOf(own.runs, first.id)).toBe("first\n\n--- attempt 2 of this run begins ---\n");
      const log = "first\n\n--- attempt 2 of this run begins ---\n";
      expect(await logOf(own.runs, first.id)).toBe(log);
      await own.runs.keepEnded();
      expect(await readdir(join(own.folder, "spool"))).toEqual([]);
      expect(() => first.log("later")).toThrow(expect.objectContaining(taken));
      const third = await begin(3);
      third.log("third\n");
      expect(await logOf(own.runs, first.id)).toMatch(/third\n$/);
      await expect(second.finish({ result: "FAILURE" })).rejects.toMatchObject(taken);
      const fourth = await begin(4);
      expect(() => third.log("later")).toThrow(expect.objectContaining(taken));
      await fourth.finish({ result: "SUCCESS" });
    });

    test("that are handed over have brought what they have written", async () => {
      const elsewhere = await own.elsewhere();
      const first = await begin(1, elsewhere);
      first.log("first\n");
      await elsewhere.release();
      expect(() => first.log("later")).toThrow(expect.objectContaining(taken));
      expect(await logOf(own.runs, first.id)).toBe("first\n");
    });

    test("go on after an end that their queue does not know of", async () => {
      const first = await begin(1);
      first.log("first\n");
      await first.write("one.json", "1");
      await first.finish({ result: "FAILURE" });
      const second = await begin(2, await own.elsewhere());
      expect((await own.runs.find(first.id)).record).toMatchObject({
        result: "PENDING",
        finishedAt: undefined,
      });
      const begun = "first\n\n--- attempt 2 of this run begins ---\n";
      expect(await logOf(own.runs, first.id)).toBe(begun);
      second.log("second\n");
      await second.write("two.json", "2");
      await second.finish({ result: "SUCCESS" });
      expect(await logOf(own.runs, first.id)).toBe(`${begun}second\n`);
      expect(await (await own.runs.find(first.id)).artifacts()).toEqual(["one.json", "two.json"]);
      expect((await openRunFolder(own.objects.where).find(first.id)).record.result).toBe("SUCCESS");
    });

    test("are refused by their queue's fence, in the transaction that would write", async () => {
      let isMine = true;
      const run = await own.runs.start({
        ...{ job: "push", type: "postsubmit", id: "7", attempt: 1 },
        async fence(sql) {
          await sql.query("SELECT 1");
          if (!isMine) throw new Error("not yours");
        },
      });
      run.log("mine\n");
      expect(await logOf(own.runs, "7")).toBe("mine\n");
      isMine = false;
      run.log("not mine\n");
      await expect(run.finish({ result: "SUCCESS" })).rejects.toMatchObject(taken);
      expect((await own.runs.find("7")).record.result).toBe("PENDING");
      expect(await logOf(own.runs, "7")).toBe("mine\n");
      const begun = own.runs.start({
        ...{ job: "push", type: "postsubmit", id: "8", attempt: 1 },
        fence: () => Promise.reject(new Error("not yours")),
      });
      await expect(begun).rejects.toMatchObject(taken);
      await expect(own.runs.find("8")).rejects.toMatchObject({ code: "unknown-run" });
    });

    test("that nobody takes up are ended by their queue", async () => {
      const run = await begin(1);
      run.log("begun\n");
      await logOf(own.runs, run.id);
      const elsewhere = await own.elsewhere();
      const end = { result: "ABORTED", metadata: { reason: "the worker died" } } as const;
      const endOf = (attempt: number) => elsewhere.endOf(own.db, run.id, attempt);
      expect(await endOf(1)).toBeUndefined();
      await own.db.transaction((sql) => elsewhere.close(sql, run.id, end));
      expect(await endOf(1)).toMatchObject({ result: "ABORTED" });
      expect(await endOf(2)).toBeUndefined();
      await own.db.transaction((sql) => elsewhere.close(sql, run.id, { result: "SUCCESS" }));
      await own.db.transaction((sql) => elsewhere.close(sql, "12345", end));
      expect((await own.runs.find(run.id)).record).toMatchObject({
        result: "ABORTED",
        finishedAt: expect.any(Date),
      });
      // Its artifacts may be on the other machine, which brings them.
      expect(await elsewhere.keepEnded()).toBe(0);
      expect(await own.runs.keepEnded()).toBe(1);
      const files = await filesBelow(run.where);
      expect(JSON.parse(files["finished.json"] ?? "")).toMatchObject({
        result: "ABORTED",
        metadata: end.metadata,
      });
      expect(JSON.parse(files["prowjob.json"] ?? "")).toMatchObject({ status: { state: "aborted" } });
      await expect(run.finish({ result: "SUCCESS" })).rejects.toMatchObject(taken);
    });
  });

  describe("objects that cannot be reached", () => {
    test("after any step leave nothing that is not mended by doing it again", async () => {
      for (let calls = 0, isWhole = false; !isWhole; calls += 1) {
        const job = `push-${calls}`;
        const run = await own.runs.start({ job, type: "presubmit", refs: { ...refs, pulls } });
        run.log("log\n");
        run.append({ type: "planned" });
        await writeFile(join(run.artifacts, "a.txt"), "a");
        own.objects.callsLeft = calls;
        const failure = await run.finish({ result: "SUCCESS" }).catch((error: unknown) => error);
        own.objects.callsLeft = Number.POSITIVE_INFINITY;
        isWhole = failure === undefined;
        if (!isWhole) {
          expect(failure).toMatchObject({ code: "run-unwritable" });
          // It has ended, and all of it can be read.
          expect((await own.runs.find(run.id)).record.result).toBe("SUCCESS");
          expect(await logOf(own.runs, run.id)).toBe("log\n");
          expect(await (await own.elsewhere()).keepEnded()).toBe(0);
          expect(await own.runs.keepEnded()).toBe(1);
        }
        const { record, artifacts } = await openRunFolder(own.objects.where).find(job);
        expect(record).toMatchObject({ id: run.id, result: "SUCCESS" });
        expect(await artifacts()).toEqual(["a.txt", "events.jsonl"]);
        expect(await logOf(own.runs, run.id)).toBe("log\n");
        expect(await own.db.query("SELECT 1 FROM run_chunk")).toEqual([]);
        expect(await readdir(join(own.folder, "spool"))).toEqual([]);
      }
    });
  });

  test("a run is kept in a bucket, and read from there", async () => {
    const server = await startS3Server("records");
    onTestFinished(server.close);
    const objects = openObjects("s3://records/ci", { network: { environment: server.environment } });
    const runs = await openRunDatabase(own.db, { objects, spool: join(own.folder, "spool") });
    const run = await runs.start({ job: "push", type: "periodic" });
    run.log("log\n");
    run.append({ type: "planned" });
    await run.write("report.json", "{}");
    await writeFile(join(run.artifacts, "a.txt"), "a");
    await run.finish({ result: "SUCCESS" });
    const place = `ci/logs/push/${run.id}`;
    expect([...server.objects.keys()].sort()).toEqual([
      ...["a.txt", "events.jsonl", "report.json"].map((name) => `${place}/artifacts/${name}`),
      `${place}/build-log-times.json`,
      ...["build-log.txt", "finished.json", "prowjob.json", "started.json"].map((name) => `${place}/${name}`),
      "ci/logs/push/latest-build.txt",
    ]);
    const stored = await runs.find(`s3://records/ci/logs/push/${run.id}`);
    expect(await textOf(stored.log(1))).toBe("og\n");
    expect(await stored.artifacts()).toEqual(["a.txt", "events.jsonl", "report.json"]);
    expect(await textOf(await stored.artifact("a.txt"))).toBe("a");
    await runs.release();
  });

  test("a run may be kept by several processes at once", async () => {
    const beside = await own.elsewhere("spool");
    for (let round = 0; round < 8; round += 1) {
      const run = await own.runs.start({ job: "push", type: "periodic" });
      run.log("log\n");
      for (let file = 0; file < 5; file += 1) await writeFile(join(run.artifacts, `${file}`), "x");
      const keeping = [
        run.finish({ result: "SUCCESS" }),
        beside.keepEnded(),
        own.runs.keepEnded(),
        beside.keepEnded(),
      ];
      await Promise.all(keeping);
      await beside.keepEnded();
      const { record, artifacts } = await openRunFolder(own.objects.where).find(run.id);
      expect(record.result).toBe("SUCCESS");
      expect(await artifacts()).toEqual(["0", "1", "2", "3", "4"]);
      expect(await logOf(own.runs, run.id)).toBe("log\n");
    }
    expect(await own.db.query("SELECT 1 FROM run_chunk")).toEqual([]);
  });

  test("a file that no store takes keeps nothing else from being kept", async () => {
    const run = await own.runs.start({ job: "push", type: "periodic" });
    await writeFile(join(run.artifacts, "a\\b"), "x");
    await writeFile(join(run.artifacts, "fine"), "x");
    await run.finish({ result: "SUCCESS" });
    expect(await (await own.runs.find(run.id)).artifacts()).toEqual(["fine"]);
  });

  test("what cannot be kept holds up nothing else", async () => {
    const [first, second] = [
      await own.runs.start({ job: "a", type: "periodic" }),
      await own.runs.start({ job: "b", type: "periodic" }),
    ];
    own.objects.callsLeft = 0;
    for (const run of [first, second]) await run.finish({ result: "SUCCESS" }).catch(() => undefined);
    own.objects.callsLeft = Number.POSITIVE_INFINITY;
    await mkdir(join(own.objects.where, "logs"), { recursive: true });
    await writeFile(join(own.objects.where, "logs", "a"), "in the way");
    await expect(own.runs.keepEnded()).rejects.toMatchObject({ code: "objects-unwritable" });
    expect((await openRunFolder(own.objects.where).find("b")).record.result).toBe("SUCCESS");
    await rm(join(own.objects.where, "logs", "a"));
    expect(await own.runs.keepEnded()).toBe(1);
    expect((await openRunFolder(own.objects.where).find("a")).record.result).toBe("SUCCESS");
  });

  test("an end whose machine does not come back is kept without its artifacts", async () => {
    const run = await own.runs.start({ job: "push", type: "periodic", now: at("2021-04-21T21:08:53Z") });
    run.log("log\n");
    own.objects.callsLeft = 0;
    await run.finish({ result: "SUCCESS" }).catch(() => undefined);
    own.objects.callsLeft = Number.POSITIVE_INFINITY;
    await rm(join(own.folder, "spool"), { recursive: true });
    expect(await own.runs.keepEnded()).toBe(1);
    expect(await own.runs.keepEnded()).toBe(0);
    expect((await openRunFolder(own.objects.where).find(run.id)).record.result).toBe("SUCCESS");
  });

  test("what left the spool of a machine by a crash is swept", async () => {
    const spool = join(own.folder, "spool");
    const run = await own.runs.start({ job: "push", type: "postsubmit", id: "7", attempt: 1 });
    await mkdir(join(spool, "12345.1", "artifacts"), { recursive: true });
    await (await own.runs.start({ job: "push", type: "postsubmit", id: "7", attempt: 2 })).log("");
    await own.runs.keepEnded();
    expect(await readdir(spool)).toEqual(["7.2"]);
    await expect(run.finish({ result: "SUCCESS" })).rejects.toMatchObject(taken);
  });

  test("a run whose commits are in doubt goes on, and its record has all of it once", async () => {
    const doubtful = await openRunDatabase(doubtfulDatabase(own.db), {
      ...{ objects: own.objects, spool: join(own.folder, "doubtful") },
    });
    onTestFinished(() => doubtful.release());
    const run = await doubtful.start({ job: "push", type: "postsubmit", id: "7", attempt: 1 });
    for (const line of ["one\n", "two\n", "three\n"]) {
      run.log(line);
      // Whoever reads in this process has it brought first, and may be told of the doubt.
      await logOf(doubtful, "7").catch(() => undefined);
    }
    await run.write("report.json", "{}");
    await run.finish({ result: "SUCCESS" });
    expect(await logOf(own.runs, "7")).toBe("one\ntwo\nthree\n");
    expect((await own.runs.find("7")).record.result).toBe("SUCCESS");
  });

  test("runs are listed by result, and by job and result", async () => {
    const ids: Record<string, string[]> = { SUCCESS: [], FAILURE: [], PENDING: [] };
    for (let number = 0; number < 12; number += 1) {
      const job = number % 2 === 0 ? "even" : "odd";
      const run = await own.runs.start({ job, type: "periodic" });
      const result = (["SUCCESS", "FAILURE", "PENDING"] as const)[number % 3] ?? "PENDING";
      ids[result]?.unshift(run.id);
      if (result !== "PENDING") await run.finish({ result });
    }
    const listed = async (query: object) =>
      (await own.runs.list({ limit: 100, ...query })).runs.map(({ id }) => id);
    for (const result of ["SUCCESS", "FAILURE", "PENDING"])
      expect(await listed({ result })).toEqual(ids[result]);
    const page = await own.runs.list({ job: "even", result: "SUCCESS", limit: 1 });
    expect(page.runs.map(({ id }) => id)).toEqual([ids.SUCCESS?.[1]]);
    expect(await listed({ job: "even", result: "SUCCESS", after: page.next })).toEqual([ids.SUCCESS?.[3]]);
  });

  test("a long log of many pieces is whole, wherever it is read from", async () => {
    const run = await own.runs.start({ job: "push", type: "periodic" });
    const line = `${"0123456789".repeat(30)}\n`;
    const whole = line.repeat(2_000);
    for (let number = 0; number < 2_000; number += 1) run.log(line);
    const check = async () => {
      const stored = await own.runs.find(run.id);
      expect((await textOf(stored.log())) === whole).toBe(true);
      for (const from of [1, 65_535, 65_536, 65_537, 400_000, whole.length]) {
        expect((await textOf(stored.log(from))) === whole.slice(from)).toBe(true);
      }
    };
    await check();
    await run.finish({ result: "SUCCESS" });
    await check();
  });

  test("runs of an earlier folder are adopted, once, when they have ended", async () => {
    const earlier = openRunFolder(own.objects.where);
    const ids: string[] = [];
    for (const request of Object.values(requests)) {
      const run = await earlier.start(request);
      run.log("earlier\n");
      run.append({ type: "planned" });
      await run.finish({ result: "FAILURE" });
      ids.unshift(run.id);
    }
    const going = await earlier.start({ job: "clock", type: "periodic" });
    expect(await own.runs.adopt()).toBe(4);
    expect(await own.runs.adopt()).toBe(0);
    const { runs } = await own.runs.list({ limit: 10 });
    expect(runs.map(({ id }) => id)).toEqual(ids);
    for (const id of ids) {
      expect((await own.runs.find(id)).record).toEqual((await earlier.find(id)).record);
      expect(await logOf(own.runs, id)).toBe("earlier\n");
      expect(await (await own.runs.find(id)).artifacts()).toEqual(["events.jsonl"]);
    }
    await going.finish({ result: "SUCCESS" });
    expect(await own.runs.adopt()).toBe(1);
  });
});
