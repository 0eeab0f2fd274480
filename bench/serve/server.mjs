// What a server takes as a whole: node bench/serve/server.mjs [postgres://…]
// The built `waybill serve` is started on a folder that it has started on before, and measured: when it is ready, what it takes in
// memory, how long it is from a delivery that was accepted to the run that it starts, and whether 200 deliveries in a second are
// all accepted and all carried out. Without a URL the database is embedded. The URL names an empty database.
import { execFileSync, spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const [url] = process.argv.slice(2);
const isEmbedded = url === undefined;
const program = resolve(import.meta.dirname, "../../dist/bin/waybill.js");
const folder = mkdtempSync(join(tmpdir(), "waybill-bench-server-"));
const goals = isEmbedded
  ? { ready: 2500, resident: 450, latency: 250 }
  : { ready: Number.POSITIVE_INFINITY, resident: 150, latency: 150 };
const secret = "of the bench";
const looks = 40;

process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const git = (...words) => execFileSync("git", ["-C", join(folder, "remote"), ...words], { encoding: "utf8" });
mkdirSync(join(folder, "jobs"));
execFileSync("git", ["init", "--quiet", "--initial-branch=main", join(folder, "remote")]);
git("config", "user.name", "bench");
git("config", "user.email", "bench@example.com");
mkdirSync(join(folder, "remote/manifests/foo"), { recursive: true });
mkdirSync(join(folder, "remote/images/foo"), { recursive: true });
writeFileSync(join(folder, "remote/images/foo/images.yaml"), "[]\n");
writeFileSync(
  join(folder, "remote/manifests/foo/promoter-manifest.yaml"),
  "registries:\n  - { name: localhost:1/staging, src: true }\n  - { name: localhost:1/production }\n",
);
const repository = `file://${join(folder, "remote")}`;
const commit = (text) => {
  git("add", "--all");
  git("commit", "--quiet", "--allow-empty", "--message", text);
};
commit("first");
writeFileSync(join(folder, "secret"), secret);
writeFileSync(join(folder, "token"), "0123456789abcdef0123456789abcdef");
writeFileSync(
  join(folder, "jobs/verify.yaml"),
  `name: verify-foo\nrepo: ${repository}\non: { branch: ^main$ }\nverify: { manifests: . }\n`,
);
writeFileSync(
  join(folder, "waybill.yaml"),
  `serve:
  data: data
  jobs: jobs
  listen: 127.0.0.1:0
  ${isEmbedded ? "" : `database: ${url}`}
  webhooks: { gitea: [{ file: secret }] }
  access: { adminTokenFile: token }
`,
);

async function start() {
  const begun = performance.now();
  const words = [program, "--config", join(folder, "waybill.yaml"), "serve", "--json"];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"] });
  child.stderr.resume();
  let printed = "";
  for await (const piece of child.stdout) {
    printed += piece;
    if (/\n\}\s*$|^\{.*\}\s*$/s.test(printed)) break;
  }
  const { address } = JSON.parse(printed);
  const base = `http://${address}`;
  while (!(await fetch(`${base}/readyz`).then(({ ok }) => ok))) await wait(5);
  return { base, child, milliseconds: performance.now() - begun };
}

async function stop({ child }) {
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  await ended;
}

function residentOf({ child }) {
  const [, pages] = readFileSync(`/proc/${child.pid}/statm`, "utf8").split(" ");
  return (Number(pages) * 4096) / 2 ** 20;
}

async function deliver({ base }) {
  const body = JSON.stringify({
    ...{ ref: "refs/heads/main", before: "0".repeat(40), after: "1".repeat(40), commits: [] },
    repository: { clone_url: repository, html_url: repository, full_name: "bench/remote" },
  });
  const response = await fetch(`${base}/webhooks/gitea`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-gitea-event": "push",
      "x-gitea-delivery": randomUUID(),
      "x-gitea-signature": createHmac("sha256", secret).update(body).digest("hex"),
    },
    body,
  });
  return response.status;
}

async function ask({ base }, path) {
  const token = readFileSync(join(folder, "token"), "utf8");
  const response = await fetch(`${base}${path}`, { headers: { authorization: `Bearer ${token}` } });
  return response.ok ? response : Promise.reject(new Error(`${path}: ${await response.text()}`));
}

const runs = async (server) => (await (await ask(server, "/api/v1/runs?limit=5")).json()).items;
const median = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
const judged = (value, goal) =>
  goal === Number.POSITIVE_INFINITY ? "" : `  goal ≤ ${goal}: ${value <= goal ? "met" : "MISSED"}`;
const say = (what, value) => process.stdout.write(`${what.padEnd(60)} ${value}\n`);

await stop(await start());
const starts = [];
for (let at = 0; at < 5; at += 1) {
  const server = await start();
  starts.push(server.milliseconds);
  await stop(server);
}
const ready = Math.round(median(starts));
say("ready, median of 5 starts", `${ready} ms${judged(ready, goals.ready)}`);

const server = await start();
await wait(20_000);
const resident = Math.round(residentOf(server));
say("resident, idle for 20 s", `${resident} MiB${judged(resident, goals.resident)}`);

// The first look at a remote starts nothing: it has to be over.
while (
  !(await (await ask(server, "/metrics")).text()).includes("waybill_poll_last_success_timestamp_seconds{")
)
  await wait(100);
const took = [];
for (let at = 0; at < looks; at += 1) {
  const [before] = await runs(server);
  commit(`look ${at}`);
  const status = await deliver(server);
  const accepted = Date.now();
  if (status !== 202) throw new Error(`a delivery was answered with ${status}`);
  let run = before;
  while (run === undefined || run.id === before?.id || run.startedAt === undefined) {
    await wait(10);
    [run] = await runs(server);
  }
  took.push(Math.max(0, Date.parse(run.startedAt) - accepted));
  while ((await runs(server))[0].state !== "ended") await wait(10);
}
const latency = median(took);
say(
  `delivery accepted until run started, median of ${looks}`,
  `${latency} ms${judged(latency, goals.latency)}  longest ${Math.max(...took)} ms`,
);

commit("for all of them");
const head = git("rev-parse", "HEAD").trim();
const sent = [];
const answered = [];
const began = performance.now();
for (let at = 0; at < 200; at += 1) {
  await wait(Math.max(0, began + at * 5 - performance.now()));
  const asked = performance.now();
  sent.push(
    deliver(server).then((status) => {
      answered.push(performance.now() - asked);
      return status;
    }),
  );
}
const over = performance.now() - began;
const accepted = (await Promise.all(sent)).filter((status) => status === 202).length;
say("200 deliveries", `sent in ${Math.round(over)} ms, accepted: ${accepted}`);
say(
  "answer to them",
  `median ${Math.round(median(answered))} ms, longest ${Math.round(Math.max(...answered))} ms`,
);
const counted = /^waybill_webhook_deliveries_total\{source="gitea",event="push",outcome="accepted"\} (\d+)$/m;
const total = Number(counted.exec(await (await ask(server, "/metrics")).text())?.[1]);
say("deliveries that metrics count", `${total} of ${looks + 200}`);
const listed = async () => (await runs(server)).some(({ revision }) => revision === head);
const until = Date.now() + 60_000;
while (!(await listed()) && Date.now() < until) await wait(50);
say("the push that they told of", (await listed()) ? "was carried out" : "WAS LOST");
say("resident afterwards", `${Math.round(residentOf(server))} MiB`);
await stop(server);
