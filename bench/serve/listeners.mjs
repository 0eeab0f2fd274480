// What listeners of one log cost the server: node bench/serve/listeners.mjs [--never-read] [LISTENERS] [BYTES] [URL]
// LISTENERS (1,000) follow one log by server-sent events over connections of their own, while a run writes BYTES (4 MiB) to it. With
// --never-read they read no more once they have been told of its beginning, and keep their connections. The
// server is a process of its own with the embedded database, or with that of the URL, whose memory is asked before and after they
// have come, and while they are told: what is in use after a collection of garbage, and what is resident, of which the engine keeps a part
// free for itself. What each was told is counted here.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  acceptDelivery,
  accessMigrations,
  askForRun,
  closedAccess,
  createApp,
  deliveriesMigrations,
  listen,
  migrate,
  openDatabase,
  openObjects,
  openQueue,
  openRunDatabase,
  queueMigrations,
  storeMigrations,
  triggersMigrations,
} from "../../dist/internal.js";

const given = process.argv.slice(2);
const neverRead = given.includes("--never-read");
const [listeners = "1000", bytes = String(4 * 1024 * 1024), url, role] = given.filter(
  (word) => word !== "--never-read",
);
if (role === "server") await serve();
else await lead();

async function serve() {
  const folder = process.env.BENCH_FOLDER;
  const db = await openDatabase(url === "" ? { folder: join(folder, "database") } : { url });
  await migrate(db, [
    ...[...queueMigrations, ...storeMigrations, ...deliveriesMigrations, ...triggersMigrations],
    ...accessMigrations,
  ]);
  const queue = openQueue(db);
  const runs = await openRunDatabase(db, {
    objects: openObjects(join(folder, "objects")),
    spool: join(folder, "spool"),
  });
  const stopping = new AbortController();
  const app = createApp({
    ...{ version: "0", db, queue, runs, publicUrl: new URL("http://localhost"), stopping: stopping.signal },
    jobs: {
      areKnown: () => true,
      current: () => ({ where: "", jobs: [], diagnostics: [], problems: [] }),
      ownersOf: async () => [],
    },
    access: {
      settings: { ...closedAccess, anonymousReading: true },
      logins: { providers: [] },
      machines: {},
    },
    webhooks: { sources: [], accept: (delivery) => acceptDelivery(db, delivery) },
    trustedProxies: [],
    promotionOf: async () => ({ state: "unknown", text: "" }),
    isReady: () => true,
    onProblem: (error) => process.stderr.write(`${error.stack}\n`),
  });
  const server = await listen(app, { host: "127.0.0.1", port: 0 });
  const cause = { by: "hand", text: "bench", at: new Date().toISOString() };
  const asked = { job: "a", kind: "build", type: "postsubmit", key: "a", priority: 0, input: {}, cause };
  const { id } = await db.transaction((sql) => askForRun(sql, asked));
  const run = await runs.start({ id, attempt: 1, job: "a", type: "postsubmit" });
  run.log("begun\n");
  const piece = `${"a line of a log, as a build writes it; some have colors, most have none".padEnd(79)}\n`;
  process.stdout.write(`${server.address} ${id}\n`);
  for await (const word of createInterface({ input: process.stdin })) {
    if (word === "memory") {
      globalThis.gc?.();
      const { heapUsed, external, rss } = process.memoryUsage();
      process.stdout.write(`${heapUsed + external} ${rss}\n`);
    }
    if (word === "write") {
      // At the pace of a build that says a lot: 1 MiB a second.
      for (let written = 0; written < Number(bytes); written += 100 * piece.length) {
        run.log(piece.repeat(100));
        await sleep(8);
      }
      await run.finish({ result: "SUCCESS" });
      process.stdout.write("written\n");
    }
  }
  stopping.abort();
  await server.close(1_000);
  await runs.release();
  await db.close();
}

async function lead() {
  const folder = await mkdtemp(join(tmpdir(), "waybill-listeners-"));
  const argv = ["--expose-gc", fileURLToPath(import.meta.url), listeners, bytes, url ?? "", "server"];
  const server = spawn(process.execPath, argv, {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, BENCH_FOLDER: folder },
  });
  const said = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const next = async () => (await said.next()).value;
  const ask = (word) => {
    server.stdin.write(`${word}\n`);
    return next();
  };
  let most = 0;
  const sample = () => {
    const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8")) ?? [];
    most = Math.max(most, Number(kibibytes ?? 0) * 1024);
  };
  const [address, id] = (await next()).split(" ");
  const [host, port] = address.split(":");
  const path = `/api/v1/runs/${id}/log/events`;
  const memory = async () => (await ask("memory")).split(" ").map(Number);
  const before = await memory();
  const all = [];
  while (all.length < Number(listeners)) {
    const few = Array.from({ length: Math.min(50, Number(listeners) - all.length) }, () =>
      listener({ host, port, path }),
    );
    await Promise.all(few.map(({ begun }) => begun));
    all.push(...few);
  }
  const listening = await memory();
  const started = performance.now();
  const sampling = setInterval(sample, 50);
  await ask("write");
  if (neverRead) for (const { leave } of all) leave();
  await Promise.all(all.map(({ ended }) => ended));
  clearInterval(sampling);
  const took = (performance.now() - started) / 1000;
  const after = await memory();
  server.stdin.end();
  await once(server, "exit");
  await rm(folder, { recursive: true });
  const mib = (value) => (value / 1024 / 1024).toFixed(1);
  const told = all.map(({ read }) => read());
  const whole = told.filter(({ skipped }) => skipped === 0).length;
  line("listeners", all.length);
  line("MiB in use for them while nothing is written", mib(listening[0] - before[0]));
  line("MiB in use behind them", mib(after[0] - before[0]));
  line("MiB resident beyond before, while nothing is written", mib(listening[1] - before[1]));
  line("MiB resident beyond before, at most while they are told", mib(most - before[1]));
  line("seconds until all were told", took.toFixed(1));
  line("MiB told", mib(told.reduce((sum, { length }) => sum + length, 0)));
  if (!neverRead) line("listeners that were told every byte", whole);
}

function listener(at) {
  let [length, skipped, rest] = [0, 0, ""];
  let begin;
  const begun = new Promise((resolve) => {
    begin = resolve;
  });
  let leave = () => {};
  const ended = new Promise((resolve, reject) => {
    const asking = request({ ...at, agent: false }, (answer) => {
      leave = () => answer.destroy();
      answer.setEncoding("utf8");
      answer.on("data", (text) => {
        begin();
        if (neverRead) answer.pause();
        length += text.length;
        const lines = `${rest}${text}`.split("\n\n");
        rest = lines.pop().slice(-200);
        for (const event of lines) {
          if (event.startsWith("event: skipped")) skipped += Number(/data: (\d+)/.exec(event)[1]);
        }
      });
      answer.once("end", resolve);
      if (neverRead) answer.once("close", resolve).on("error", () => {});
    });
    asking.once("error", reject);
    asking.end();
  });
  return { begun, ended, leave: () => leave(), read: () => ({ length, skipped }) };
}

function line(name, value) {
  process.stdout.write(`${name.padEnd(60)} ${String(value).padStart(10)}\n`);
}
