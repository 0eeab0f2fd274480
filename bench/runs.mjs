// What a run costs where many are recorded: node bench/runs.mjs [RUNS] [FOLDER]
// Half of them are of one job, the others of 200. They are written as files, as if they had been fetched from a bucket: the
// first run that begins there finds no index. A folder that is there is taken as it is, and stays; another one is removed.
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRunFolder } from "../dist/index.js";

const count = Number(process.argv[2] ?? 50_000);
const kept = process.argv[3];
const folder = kept ?? (await mkdtemp(join(tmpdir(), "waybill-runs-")));
const rounds = 20;

try {
  if (kept === undefined || !(await stat(join(kept, "logs")).catch(() => undefined))) {
    await timed(`write ${count} records`, 1, () => record(count));
  }
  const store = openRunFolder(folder);
  const start = async () => {
    const run = await store.start({ job: "promote", type: "periodic" });
    await run.finish({ result: "SUCCESS" });
    return run.id;
  };
  await timed("list the last 20, without an index", 1, () => store.list({ limit: 20 }));
  let id = await timed("start the first one here, and end it", 1, start);
  id = await timed("start one more, and end it", rounds, start);
  await timed("start two, of which one goes on", rounds, async () => {
    await store.start({ job: "promote", type: "periodic" });
    await start();
  });
  const { next } = await timed("list the last 20 of all jobs", rounds, () => store.list({ limit: 20 }));
  await timed("list the 20 before them", rounds, () => store.list({ limit: 20, after: next }));
  await timed("list 20 from the middle", rounds, () =>
    store.list({ limit: 20, after: `job-7/${idOf(count / 2)}` }),
  );
  await timed("list the last 20 of one job", rounds, () => store.list({ job: "promote", limit: 20 }));
  await timed("find one by its id", rounds, () => store.find(id));
  await timed("find an old one by its id", rounds, () => store.find(idOf(1)));
  await timed("find the newest of a job", rounds, () => store.find("promote"));
  await timed("list all", 1, () => store.list({ limit: count + 1000 }));
} finally {
  if (kept === undefined) await rm(folder, { recursive: true, force: true });
}

/** The id of the n-th run: one every five minutes since 2026-01-01. */
function idOf(number) {
  const milliseconds = BigInt(Date.parse("2026-01-01T00:00:00Z") + number * 300_000) - 1288834974657n;
  return String((milliseconds << 22n) | (1n << 12n));
}

async function record(many) {
  for (let at = 0; at < many; at += 64) {
    await Promise.all(Array.from({ length: Math.min(64, many - at) }, (_, more) => recordOne(at + more)));
  }
}

async function recordOne(number) {
  const job = number % 2 === 0 ? "promote" : `job-${number % 200}`;
  const run = join(folder, "logs", job, idOf(number));
  await mkdir(join(run, "artifacts"), { recursive: true });
  const timestamp = Math.floor(Date.parse("2026-01-01T00:00:00Z") / 1000) + number * 300;
  const metadata = { process: "7-0123456789ab" };
  await writeFile(join(run, "started.json"), JSON.stringify({ timestamp, metadata }));
  await writeFile(join(run, "prowjob.json"), JSON.stringify({ spec: { type: "periodic", job } }));
  await writeFile(join(run, "build-log.txt"), "promoted\n");
  const finished = { timestamp: timestamp + 60, passed: true, result: "SUCCESS" };
  await writeFile(join(run, "finished.json"), JSON.stringify(finished));
}

/** Says how long something takes: the middle of several times, and the longest. */
async function timed(what, times, work) {
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
