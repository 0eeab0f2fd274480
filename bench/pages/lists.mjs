// What the first page of each list takes, as people see it, with 100,000 runs and 1,000,000 edges behind it:
// node bench/pages/lists.mjs [postgres://USER@HOST/DATABASE] [RUNS] [EDGES]
// Without a URL the database is the embedded one. That of a URL has to be empty; it stays.
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { openDatabase } from "../../dist/internal.js";
import { fill } from "./fill.mjs";
import { prepare, start, token } from "./served.mjs";

const [url, runs = "100000", edges = "1000000"] = process.argv.slice(2);
const isEmbedded = url === undefined || url === "";
const goal = isEmbedded ? 250 : 100;
const rounds = 15;
const folder = prepare(isEmbedded ? undefined : url);
// It makes its tables.
await (await start(folder, isEmbedded ? "web,scheduler,worker" : "web")).stop();
const db = await openDatabase(isEmbedded ? { folder: join(folder, "data/database") } : { url });
await fill(db, { runs: Number(runs), edges: Number(edges) });
const [{ id: run }] = await db.query(
  "SELECT id FROM queue_run WHERE state = 'ended' ORDER BY id DESC LIMIT 1",
);
await db.close();

const server = await start(folder);
const headers = { authorization: `Bearer ${token}` };
let missed = 0;
for (const path of [
  "/",
  "/runs",
  `/runs?after=${run}`,
  `/runs?before=${run}`,
  ...["newest", "oldest", "longest", "turn"].map((sort) => `/runs?sort=${sort}`),
  ...[
    "success",
    "failure",
    "error",
    "aborted",
    "running",
    "waiting",
    "held",
    "failure,error",
    "success,running",
  ].map((state) => `/runs?state=${state}`),
  ...["promote", "job-7", "job-7,job-9", "job-*", "*7", "none*"].map((job) => `/runs?job=${job}`),
  "/runs?job=job-7&state=failure",
  "/runs?job=promote&state=success&sort=longest",
  "/runs?repo=example/job-7",
  "/runs?repo=https://github.com/example/promote",
  "/runs?repo=example/*",
  ...["presubmit", "postsubmit", "batch"].map((type) => `/runs?type=${type}`),
  "/runs?author=author-1",
  "/runs?author=author-*",
  "/runs?pull=7",
  "/runs?cluster=host-3",
  ...["images", "registry promote 49", "nothing"].map((words) => `/runs?search=${encodeURIComponent(words)}`),
  "/runs?since=2026-02-01&until=2026-02-02",
  "/runs?format=csv",
  `/runs/${run}`,
  `/runs/${run}/again`,
  "/jobs",
  "/jobs/promote",
  "/jobs/job-7",
  "/badge.svg?jobs=*",
  "/images",
  "/images?search=image-7",
  "/production",
  "/reviews",
  "/settings",
  ...["jobs", "remotes", "destinations", "notifications", "people", "tokens", "audit", "server"].map(
    (name) => `/settings/${name}`,
  ),
  "/settings/remotes?outcome=failed",
  ...["act=run.abort", "subject=job/job-7", "who=p7", "act=none"].map((query) => `/settings/audit?${query}`),
]) {
  const taken = [];
  let bytes = 0;
  let status = 0;
  for (let round = 0; round < rounds; round += 1) {
    const begin = performance.now();
    const answer = await fetch(`${server.base}${path}`, { headers });
    const text = await answer.text();
    taken.push(performance.now() - begin);
    bytes = gzipSync(text).length;
    status = answer.status;
  }
  if (status === 404) {
    process.stdout.write(`${path.padEnd(52)} is not there\n`);
    continue;
  }
  if (status !== 200) throw new Error(`${path}: ${status}`);
  taken.sort((one, other) => one - other);
  const middle = taken[Math.floor(rounds / 2)];
  if (middle > goal) missed += 1;
  const judged = middle <= goal ? "met" : "MISSED";
  process.stdout.write(
    `${path.padEnd(52)} ${middle.toFixed(1).padStart(7)} ms, ${taken[0].toFixed(1)} to ${taken.at(-1).toFixed(1)}, ${(bytes / 1000).toFixed(1)} kB  goal ≤ ${goal} ms: ${judged}\n`,
  );
}
await server.stop();
process.stdout.write(missed === 0 ? "all met\n" : `${missed} missed\n`);
