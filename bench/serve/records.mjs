// What pages of many runs take, and what it costs that many follow a log:
// node bench/serve/records.mjs [postgres://USER@HOST/DATABASE] [RUNS] [LISTENERS]
// Without a URL the embedded database is measured, in a folder of its own. The database has to be empty; it stays.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate, openDatabase, openObjects, openRunDatabase, storeMigrations } from "../../dist/internal.js";

const [url, runs = "100000", listeners = "1000"] = process.argv.slice(2);
const count = Number(runs);
const folder = await mkdtemp(join(tmpdir(), "waybill-records-"));
const rounds = 50;

const db = await openDatabase(url === undefined || url === "" ? { folder: join(folder, "db") } : { url });
try {
  await migrate(db, storeMigrations);
  const store = await openRunDatabase(db, {
    objects: openObjects(join(folder, "objects")),
    spool: join(folder, "spool"),
  });
  await measure(`write ${count} records`, 1, () => fill(count));
  await db.query("ANALYZE run_record");
  const page = (query) => store.list({ limit: 50, ...query });
  const { next } = await measure("first page of all runs", rounds, () => page());
  await measure("the page behind it", rounds, () => page({ after: next }));
  await measure("a page from the middle", rounds, () => page({ after: `job-1/${idOf(count / 2)}` }));
  await measure("first page of a job with half of them", rounds, () => page({ job: "promote" }));
  await measure("first page of a job with 250 of them", rounds, () => page({ job: "job-7" }));
  await measure("first page of failures (1 in 100)", rounds, () => page({ result: "FAILURE" }));
  await measure("first page of those that go on (100)", rounds, () => page({ result: "PENDING" }));
  await measure("first page of a job's failures", rounds, () => page({ job: "promote", result: "FAILURE" }));
  await measure("find one by its id", rounds, () => store.find(idOf(count / 3)));
  await measure("find the newest of a job", rounds, () => store.find("promote"));
  await measure("begin a run, and end it", rounds, async () => {
    const run = await store.start({ job: "promote", type: "periodic" });
    run.log("promoted\n");
    await run.finish({ result: "SUCCESS" });
  });
  await follow(store, Number(listeners));
  await store.release();
} finally {
  await db.close();
  await rm(folder, { recursive: true, force: true });
}

/** The id of the n-th run: one a minute since 2026-01-01. */
function idOf(number) {
  const milliseconds =
    BigInt(Date.parse("2026-01-01T00:00:00Z") + Math.floor(number) * 60_000) - 1288834974657n;
  return String((milliseconds << 22n) | (1n << 12n));
}

/** Half of the runs are of one job, the others of 200. */
async function fill(many) {
  const sha = "0123456789012345678901234567890123456789";
  const head = { verb: "promote", by: "waybill@server", subject: "registry.k8s.io", commit: sha };
  const started = {
    timestamp: 1767225600,
    "repo-commit": sha,
    metadata: { process: "7-0123456789ab", head },
  };
  const refs = { org: "kubernetes", repo: "k8s.io", base_ref: "main", base_sha: sha };
  const prowJob = {
    metadata: { labels: { "prow.k8s.io/type": "periodic" } },
    spec: { type: "periodic", refs },
  };
  const finished = { timestamp: 1767225660, passed: true, result: "SUCCESS", revision: sha };
  await db.query(
    `INSERT INTO run_record (id, job, place, attempt, is_queued, result, started, prow_job, finished, began_at, ended_at, seen_at, is_spooled, is_kept)
     SELECT id, job, 'logs/' || job || '/' || id, 1, true, result, $2, $3, CASE WHEN result <> 'PENDING' THEN $4::json END,
            now(), now(), now(), false, result <> 'PENDING'
       FROM (SELECT ((1767225600000 + n::bigint * 60000 - 1288834974657) << 22) | 4096 AS id,
                    CASE WHEN n % 2 = 0 THEN 'promote' ELSE 'job-' || n % 200 END AS job,
                    CASE WHEN n > $1 - 100 THEN 'PENDING' WHEN n % 100 = 0 THEN 'FAILURE' ELSE 'SUCCESS' END AS result
               FROM generate_series(0, $1 - 1) AS n) AS run`,
    [many, started, prowJob, finished],
  );
}

/** Memory of a process in which many follow one log that grows, each of them at the end. */
async function follow(store, many) {
  const run = await store.start({ job: "build", type: "periodic" });
  const line = `${"x".repeat(99)}\n`;
  run.log(line);
  await settle();
  const before = process.memoryUsage.rss();
  let batches = 0;
  let skipped = 0;
  const following = Array.from({ length: many }, async () => {
    let offset = 0;
    let wake = () => {};
    const cursor = await store.follow(run.id, { onMore: () => wake() });
    for (;;) {
      const there = cursor.next();
      if (there === undefined) {
        if (cursor.isOver) return offset;
        await new Promise((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const batch = await there;
      batches += 1;
      skipped += batch?.skipped ?? 0;
      offset = batch?.offset ?? offset;
    }
  });
  let most = 0;
  const begin = performance.now();
  // A megabyte a second, for twenty seconds.
  for (let at = 0; at < 200; at += 1) {
    for (let lines = 0; lines < 1_000; lines += 1) run.log(line);
    await new Promise((resolve) => setTimeout(resolve, 100));
    most = Math.max(most, process.memoryUsage.rss());
  }
  await run.finish({ result: "SUCCESS" });
  const offsets = new Set(await Promise.all(following));
  const seconds = (performance.now() - begin) / 1000;
  await settle();
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  process.stdout.write(
    `${many} follow a log of ${megabytes(20e6)} in ${seconds.toFixed(1)} s: ${batches} batches, ${megabytes(skipped)} skipped, ` +
      `all at the end: ${offsets.size === 1}; memory ${megabytes(before)} before, at most ${megabytes(most - before)} more, ` +
      `${megabytes(process.memoryUsage.rss() - before)} afterwards\n`,
  );
}

async function settle() {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 500));
}

/** Says how long something takes: the middle of several times, and the longest. */
async function measure(what, times, work) {
  const taken = [];
  let result;
  for (let time = 0; time < times; time += 1) {
    const begin = performance.now();
    result = await work();
    taken.push(performance.now() - begin);
  }
  taken.sort((a, b) => a - b);
  const middle = taken[Math.floor(taken.length / 2)];
  process.stdout.write(
    `${what.padEnd(40)} ${middle.toFixed(1).padStart(9)} ms   longest ${taken.at(-1).toFixed(1)}\n`,
  );
  return result;
}
