// What logs cost a server and a browser: node bench/pages/log.mjs [postgres://USER@HOST/DATABASE]
// A run writes 10,000 lines a second for 20 seconds while Chromium shows its end; then a log of 2,000,000 lines is read at its line 1,900,000
// and searched; then one of a gigabyte in one line is opened, and got as a whole. The server is a process of its own, whose resident memory
// is asked. The first look at a log reads all of it; the other ones are those that are timed as well.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import * as waybill from "../../dist/internal.js";

const [url = "", role] = process.argv.slice(2);
const [rate, seconds] = [10_000, 20];
const lineOf = (number) => `Step #1 - "build": line ${number}, as a build writes it: most have no color\n`;
if (role === "server") await serve();
else await lead();

async function serve() {
  const folder = process.env.BENCH_FOLDER;
  const db = await waybill.openDatabase(url === "" ? { folder: join(folder, "database") } : { url });
  const { queueMigrations, storeMigrations, deliveriesMigrations, triggersMigrations, accessMigrations } =
    waybill;
  await waybill.migrate(db, [
    ...[...queueMigrations, ...storeMigrations, ...deliveriesMigrations, ...triggersMigrations],
    ...accessMigrations,
  ]);
  const queue = waybill.openQueue(db);
  const runs = await waybill.openRunDatabase(db, {
    objects: waybill.openObjects(join(folder, "objects")),
    spool: join(folder, "spool"),
  });
  const stopping = new AbortController();
  const publicUrl = new URL("http://localhost");
  const onProblem = (error) => process.stderr.write(`${error.stack}\n`);
  const api = waybill.createApp({
    ...{ version: "0", db, queue, runs, publicUrl, stopping: stopping.signal, archives: [], onProblem },
    jobs: { areKnown: () => true, current: () => ({ jobs: [] }), ownersOf: async () => [] },
    access: {
      settings: { ...waybill.closedAccess, anonymousReading: true },
      logins: { providers: [] },
      machines: {},
    },
    webhooks: { sources: [] },
    trustedProxies: [],
    whyUnready: async () => undefined,
  });
  const pages = waybill.createPages({ version: "0", api, publicUrl, onProblem });
  const server = await waybill.listen(pages, { host: "127.0.0.1", port: 0 });
  const cause = { by: "hand", text: "bench", at: new Date().toISOString() };
  const begun = async (key) => {
    const asked = { job: key, kind: "build", type: "postsubmit", key, priority: 0, input: {}, cause };
    const { id } = await db.transaction((sql) => waybill.askForRun(sql, asked));
    return runs.start({ id, attempt: 1, job: key, type: "postsubmit" });
  };
  const tell = (words) => process.stdout.write(`${words}\n`);
  tell(server.address);
  let live;
  for await (const word of createInterface({ input: process.stdin })) {
    if (word === "begin") {
      live = await begun("live");
      live.log("begun\n");
      tell(live.id);
    }
    if (word === "write") {
      const started = performance.now();
      for (let number = 2; number <= rate * seconds; ) {
        // As many as are due by now.
        const due = Math.min(rate * seconds, ((performance.now() - started) / 1000) * rate);
        let text = "";
        for (; number <= due; number += 1) text += lineOf(number);
        if (text !== "") live.log(text);
        await sleep(10);
      }
      tell(String(performance.now() - started));
    }
    if (word === "lines" || word === "long") {
      const run = await begun(word);
      if (word === "lines") {
        for (let number = 1; number <= 2_000_000; number += 1_000) {
          let text = "";
          for (let at = 0; at < 1_000; at += 1)
            text += `line ${number + at} of a log of many lines, says a step\n`;
          run.log(text);
          if (number % 100_000 === 1) await sleep(1);
        }
      } else {
        const piece = Buffer.alloc(1024 * 1024, "x");
        for (let at = 0; at < 1023; at += 1) {
          run.log(piece);
          if (at % 16 === 0) await sleep(1);
        }
      }
      await run.finish({ result: "FAILURE" });
      tell(run.id);
    }
  }
  stopping.abort();
  await server.close(1_000);
  await runs.release();
  await db.close();
}

async function lead() {
  const folder = await mkdtemp(join(tmpdir(), "waybill-bench-log-"));
  const server = spawn(process.execPath, [fileURLToPath(import.meta.url), url, "server"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, BENCH_FOLDER: folder },
  });
  const said = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const next = async () => (await said.next()).value;
  const ask = (word) => {
    server.stdin.write(`${word}\n`);
    return next();
  };
  const resident = () => {
    const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  };
  let most = 0;
  const sampling = setInterval(() => {
    most = Math.max(most, resident());
  }, 20);
  const say = (words) => process.stdout.write(`${words}\n`);
  const base = `http://${await next()}`;
  const executablePath = execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  const page = await browser.newPage({ baseURL: base, viewport: { width: 1280, height: 900 } });

  const live = await ask("begin");
  await page.goto(`/runs/${live}/log`);
  await page.locator("#L1").waitFor();
  await page.evaluate(() => {
    const frames = [];
    let last = performance.now();
    const look = (now) => {
      frames.push(now - last);
      last = now;
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    globalThis.frames_ = frames;
  });
  const took = Number(await ask("write"));
  const ended = performance.now();
  await page.waitForFunction((id) => document.getElementById(id) !== null, `L${rate * seconds}`);
  const behind = performance.now() - ended;
  const { frames, nodes, lines, heap } = await page.evaluate(() => ({
    frames: globalThis.frames_,
    nodes: document.querySelectorAll("*").length,
    lines: document.querySelectorAll(".line").length,
    heap: performance.memory.usedJSHeapSize / 1024 / 1024,
  }));
  frames.sort((one, other) => one - other);
  const at = (share) => frames[Math.floor(frames.length * share)]?.toFixed(0);
  say(
    `${rate * seconds} lines in ${(took / 1000).toFixed(1)} s; the last is shown ${behind.toFixed(0)} ms after it was written`,
  );
  say(
    `frames: half within ${at(0.5)} ms, 95 % within ${at(0.95)} ms, the longest ${frames.at(-1).toFixed(0)} ms`,
  );
  say(
    `the page has ${lines} lines and ${nodes} elements; its heap is ${heap.toFixed(0)} MiB; the server ${most.toFixed(0)} MiB at most`,
  );

  const timed = async (path, times = 5) => {
    const all = [];
    for (let time = 0; time < times; time += 1) {
      const started = performance.now();
      const answer = await fetch(`${base}${path}`);
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
      all.push(performance.now() - started);
    }
    return all.toSorted((one, other) => one - other)[Math.floor(times / 2)];
  };
  const many = await ask("lines");
  const api = `/api/v1/runs/${many}/log`;
  say(
    `2,000,000 lines: the first look takes ${(await timed(`${api}/lines?first=1900000&count=100`, 1)).toFixed(0)} ms`,
  );
  say(
    `line 1,900,000 is there in ${(await timed(`${api}/lines?first=1900000&count=100`)).toFixed(0)} ms  goal ≤ 100 ms`,
  );
  say(`its page, 2,000 lines, in ${(await timed(`/runs/${many}/log?lines=1900000`)).toFixed(0)} ms`);
  say(
    `a text at line 1,000,000 is found in ${(await timed(`${api}/matches?text=line+999999+&first=1`, 3)).toFixed(0)} ms`,
  );

  most = 0;
  const before = resident();
  const long = await ask("long");
  say(
    `1 GB in one line, written: the server has ${before.toFixed(0)} MiB before and ${most.toFixed(0)} MiB at most`,
  );
  most = 0;
  const first = await timed(`/runs/${long}/log`, 1);
  const again = await timed(`/runs/${long}/log`);
  say(
    `its page takes ${first.toFixed(0)} ms the first time, ${again.toFixed(0)} ms then; the server ${most.toFixed(0)} MiB at most`,
  );
  await page.goto(`/runs/${long}/log`);
  say(`it shows ${(await page.locator(".line .text").last().textContent()).length} characters`);
  most = 0;
  let bytes = 0;
  for await (const piece of (await fetch(`${base}/api/v1/runs/${long}/log`)).body) bytes += piece.length;
  say(`Raw gives ${bytes} bytes; the server ${most.toFixed(0)} MiB at most`);
  clearInterval(sampling);
  await browser.close();
  server.stdin.end();
  await new Promise((resolve) => server.once("exit", resolve));
  await rm(folder, { recursive: true, force: true });
}
