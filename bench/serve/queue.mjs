// What the queue takes: node bench/serve/queue.mjs URL [RUNS] [WORKERS]
// URL names an empty database of PostgreSQL, or a folder for the embedded one, where all is done in this process.
// First many runs wait, of which a tenth shares a mutex, a tenth is of a job with a limit, and a tenth shares a label; then
// workers that are processes of their own carry them out. That no limit was exceeded is read off the tables. Last, single runs
// are asked for while a worker is idle.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { askForRun, migrate, openDatabase, openQueue, queueMigrations } from "../../dist/internal.js";
import { line } from "../measure.mjs";

const [address, runs = "10000", workers = "4", role] = process.argv.slice(2);
const count = Number(runs);
const seats = 8;
const limits = { mutex: 1, job: 4, label: 3 };

const db = await openDatabase(/^postgres/.test(address) ? { url: address } : { folder: address });
const queue = openQueue(db);
if (role === "worker") await workHere();
else await lead();
await db.close();

async function workHere() {
  const stopping = new AbortController();
  process.stdin.on("end", () => stopping.abort()).resume();
  await work(stopping.signal, async () => ({ result: "SUCCESS" }));
}

function work(signal, carryOut) {
  const onProblem = (error) => process.stderr.write(`${error}\n`);
  return queue.work({ name: "bench", concurrency: seats, signal, carryOut, onProblem });
}

async function lead() {
  await migrate(db, queueMigrations);
  await queue.setCapacities({ label: limits.label });
  const asked = process.hrtime.bigint();
  await askFor(count, askOf);
  say(`ask for ${count} runs`, `${(count / secondsSince(asked)).toFixed(0)} a second`);
  await timed("why 100 of them wait", 5, async () => {
    const { runs: page } = await queue.list({ limit: 100 });
    await queue.whyWaiting(page.map(({ id }) => id));
  });
  await timed("the first page of 50 runs", 20, () => queue.list({ limit: 50 }));

  const began = process.hrtime.bigint();
  await carriedOut();
  const seconds = secondsSince(began);
  const rate = count / seconds;
  const goal = db.kind === "pglite" ? "" : `  goal ≥ 100: ${rate >= 100 ? "met" : "MISSED"}`;
  say("starts of empty runs", `${rate.toFixed(0)} a second${goal}`);
  for (const [name, most] of Object.entries(limits)) {
    const seen = await peakOf(name);
    say(`most at a time of limit ${name}`, `${seen} of ${most}: ${seen <= most ? "kept" : "EXCEEDED"}`);
  }
  await latency("asked for until carried out");
  await queue.setCapacities({ closed: 0 });
  await askFor(count, (number) => ({
    ...askOf(3),
    key: `closed-${number}`,
    priority: 1000,
    capacity: "closed",
  }));
  await latency(`the same behind ${count} that may not start`);
}

async function askFor(many, request) {
  for (let at = 0; at < many; at += 500) {
    await db.transaction(async (sql) => {
      for (let number = at; number < Math.min(many, at + 500); number += 1) {
        await askForRun(sql, request(number));
      }
    });
  }
}

function askOf(number) {
  const group = number % 10;
  return {
    job: group === 1 ? "limited" : `job-${number % 200}`,
    kind: "build",
    type: "postsubmit",
    key: String(number),
    priority: number % 7,
    mutex: group === 0 ? "mutex" : undefined,
    maxConcurrency: group === 1 ? limits.job : undefined,
    capacity: group === 2 ? "label" : undefined,
    input: { number },
    cause: { by: "push", text: "bench", at: new Date().toISOString() },
  };
}

async function carriedOut() {
  const stopping = new AbortController();
  const here = db.kind === "pglite" ? [work(stopping.signal, async () => ({ result: "SUCCESS" }))] : [];
  const children = db.kind === "pglite" ? [] : Array.from({ length: Number(workers) }, startWorker);
  while ((await queue.counts()).length > 0) await new Promise((resolve) => setTimeout(resolve, 100));
  stopping.abort();
  for (const child of children) {
    child.stdin.end();
    await once(child, "close");
  }
  await Promise.all(here);
}

function startWorker() {
  const argv = [fileURLToPath(import.meta.url), address, runs, workers, "worker"];
  return spawn(process.execPath, argv, { stdio: ["pipe", "inherit", "inherit"] });
}

/** The most runs of a limit that were between start and end at the same time. */
async function peakOf(name) {
  const condition = { mutex: "mutex = 'mutex'", job: "job = 'limited'", label: "capacity = 'label'" }[name];
  const spans = await db.query(
    `SELECT started_at::text AS start, ended_at::text AS "end" FROM queue_run WHERE ${condition}`,
  );
  const events = spans
    .flatMap(({ start, end }) => [
      { at: start, step: 1 },
      { at: end, step: -1 },
    ])
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.step - b.step));
  let now = 0;
  return events.reduce((most, { step }) => {
    now += step;
    return Math.max(most, now);
  }, 0);
}

/** From before the transaction that asks until the worker has begun. */
async function latency(name) {
  const stopping = new AbortController();
  let begun = () => {};
  const working = work(stopping.signal, async () => {
    begun(performance.now());
    return { result: "SUCCESS" };
  });
  const samples = [];
  for (let at = 0; at < 105; at += 1) {
    const start = new Promise((resolve) => {
      begun = resolve;
    });
    const asked = performance.now();
    await db.transaction((sql) => askForRun(sql, { ...askOf(3), key: `${name} ${at}` }));
    samples.push((await start) - asked);
  }
  stopping.abort();
  await working;
  // The first ones wait for the worker itself.
  line(name, samples.slice(5), "ms", db.kind === "pglite" ? 250 : 150);
}

async function timed(name, rounds, measured) {
  const samples = [];
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    await measured();
    samples.push(performance.now() - began);
  }
  line(name, samples, "ms");
}

function secondsSince(began) {
  return Number(process.hrtime.bigint() - began) / 1e9;
}

function say(name, text) {
  process.stdout.write(`${name.padEnd(44)} ${text}\n`);
}
