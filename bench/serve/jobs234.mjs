// What starts when everything is pushed at once: node bench/serve/jobs234.mjs ADDRESS [SECONDS] [WORKERS]
// ADDRESS is the URL of an empty database of PostgreSQL, whose workers are processes of their own, or a folder for the embedded one.
// 234 jobs of 128 repositories have the fields that the image-pushing jobs of Kubernetes have, as often: 202 that pushes start, of
// which 105 match tags and 87 ask for changed paths, 32 of a clock, 17 that share one place, 18 with a limit of their own. Each
// repository gets a push within SECONDS (60), a webhook tells of every second one, and what ran is held against the filters,
// which are applied to what was pushed by themselves here.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import {
  acceptDelivery,
  deliveriesMigrations,
  judgePush,
  migrate,
  openDatabase,
  openQueue,
  parseJobs,
  queueMigrations,
  runTriggers,
  triggersMigrations,
} from "../../dist/internal.js";

const [address, seconds = "60", workers = "4", role] = process.argv.slice(2);
const counts = {
  jobs: 234,
  repositories: 128,
  periodic: 32,
  tags: 105,
  paths: 87,
  skip: 18,
  label: 15,
  limited: 18,
};
const seats = 6;
const environment = {
  PATH: process.env.PATH,
  HOME: tmpdir(),
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  ...{ GIT_AUTHOR_NAME: "bench", GIT_AUTHOR_EMAIL: "bench@example.org" },
  ...{ GIT_COMMITTER_NAME: "bench", GIT_COMMITTER_EMAIL: "bench@example.org" },
};
const semver = String.raw`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$`;

const db = await openDatabase(/^postgres/.test(address) ? { url: address } : { folder: address });
const queue = openQueue(db);
if (role === "worker") await workHere();
else await lead();
await db.close();

/** A run of a job takes as long as its number says: nothing is built here. */
function work(signal, name) {
  return queue.work({
    ...{ name, concurrency: seats, signal },
    onProblem: (error) => process.stderr.write(`${error}\n`),
    async carryOut({ id }) {
      await sleep(200 + (Number(id.slice(-4)) % 400));
      return { result: "SUCCESS" };
    },
  });
}

async function workHere() {
  const stopping = new AbortController();
  process.stdin.on("end", () => stopping.abort()).resume();
  await work(stopping.signal, `worker-${process.pid}`);
}

async function lead() {
  const folder = await mkdtemp(join(tmpdir(), "waybill-jobs234-"));
  await migrate(db, [...queueMigrations, ...deliveriesMigrations, ...triggersMigrations]);
  await queue.setCapacities({ "image-pushing": 1 });
  const remotes = await makeRemotes(folder);
  const jobs = jobsOf(remotes);
  say("jobs", describe(jobs));

  const stopping = new AbortController();
  const told = new Map();
  const seen = new Set();
  const problems = [];
  const began = Date.now();
  const triggers = runTriggers({
    ...{
      db,
      queue,
      jobs: () => jobs,
      mirrors: join(folder, "mirrors"),
      environment,
      signal: stopping.signal,
    },
    credentialOf: async () => undefined,
    projectOf: async () => undefined,
    listener(event) {
      if (event.type === "remote-first-seen") seen.add(event.url);
      if (event.type === "run-asked-for") told.set(event.run, { cause: event.cause, at: Date.now() });
      if (event.type === "remote-unread" || event.type === "trigger-failed") problems.push(event);
    },
  });
  const supervising = queue.supervise({
    signal: stopping.signal,
    onProblem: (error) => problems.push(error),
  });
  const polled = new Set(
    remotes.filter(({ url }) => jobs.some((job) => job.on !== undefined && job.repo === url)),
  );
  while (seen.size < polled.size) await sleep(50);
  say(`first look at ${polled.size} remotes`, `${((Date.now() - began) / 1000).toFixed(1)} s`);

  const here = db.kind === "pglite" ? [work(stopping.signal, "here")] : [];
  const children = db.kind === "pglite" ? [] : Array.from({ length: Number(workers) }, startWorker);
  const pushes = await pushAll(remotes);
  const expected = expectedOf(jobs, pushes);
  const pushed = (run) => run.causes[0].by === "push";
  // Who is not told of looks once a minute.
  const until = Date.now() + 120_000;
  let all = [];
  while (Date.now() < until) {
    all = await allRuns();
    if (all.filter(pushed).length >= expected.size && all.every(({ state }) => state === "ended")) break;
    await sleep(500);
  }
  // What would be one too many has its chance.
  await sleep(5_000);
  all = await allRuns();
  stopping.abort();
  for (const child of children) {
    child.stdin.end();
    await once(child, "close");
  }
  await Promise.all([triggers, supervising, ...here]);
  report(all, expected, pushes, told, problems);
  await rm(folder, { recursive: true, force: true });
}

async function makeRemotes(folder) {
  const scratch = join(folder, "scratch");
  await git(folder, "init", "--quiet", "--initial-branch=main", scratch);
  const remotes = [];
  for (let number = 0; number < counts.repositories; number += 1) {
    const path = join(folder, "remotes", "org", `repository-${number}`);
    await git(folder, "init", "--quiet", "--bare", "--initial-branch=main", path);
    const branch = `repository-${number}`;
    await git(scratch, "checkout", "--quiet", "--orphan", branch);
    const commit = await put(scratch, {
      "README.md": `${number}`,
      "images/app/Dockerfile": "FROM scratch\n",
    });
    const url = pathToFileURL(path).href;
    await git(scratch, "push", "--quiet", url, `${branch}:refs/heads/main`);
    remotes.push({ number, url, scratch, branch, commit });
  }
  return remotes;
}

async function put(scratch, files) {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(scratch, path)), { recursive: true });
    await writeFile(join(scratch, path), text);
  }
  await git(scratch, "add", "--all", ".");
  await git(scratch, "commit", "--quiet", "--message", "a change");
  return git(scratch, "rev-parse", "HEAD");
}

function jobsOf(remotes) {
  const texts = Array.from({ length: counts.jobs }, (_, at) => {
    const { url } = remotes[at % remotes.length];
    const isPeriodic = at >= counts.jobs - counts.periodic;
    // Steps of a prime spread the fields over the jobs without any two of them going together.
    const has = (count, step) => !isPeriodic && (at * step) % (counts.jobs - counts.periodic) < count;
    const branches = has(counts.tags, 1)
      ? [`'${semver}'`, ...(at % 3 === 0 ? [] : ["^main$"])]
      : at % 5 === 0
        ? ["^release-", "^main$"]
        : ["^main$"];
    const filter =
      at >= counts.tags && at < counts.tags + counts.skip
        ? "skipBranch: '^dependabot'"
        : `branch: [${branches.join(", ")}]`;
    const paths = has(counts.paths, 5) ? ", paths: ^images/" : "";
    const start = isPeriodic
      ? `clock: { ${at % 4 === 0 ? "cron: '* * * * *'" : "every: 4h"}, ref: main }`
      : `triggers: { ${filter}${paths} }`;
    return [
      `  - name: post-repository-${at % remotes.length}-push-${at}`,
      `    repo: ${url}`,
      `    ${start}`,
      "    build: { dir: images/app, project: k8s-staging-bench }",
      ...(has(counts.label, 11) || (isPeriodic && at % 16 === 0) ? ["    capacity: image-pushing"] : []),
      ...(has(counts.limited, 13) ? [`    maxConcurrency: ${1 + (at % 2)}`] : []),
      ...(at > 0 && at % 8 < 3 ? ["    rerun: { teams: [org/release-managers] }"] : []),
    ].join("\n");
  });
  const { jobs, diagnostics } = parseJobs(`jobs:\n${texts.join("\n")}\n`, "jobs.yaml");
  if (diagnostics.length > 0) throw new Error(JSON.stringify(diagnostics.slice(0, 3)));
  return jobs.map(({ job }) => job);
}

function describe(jobs) {
  const count = (condition) => jobs.filter(condition).length;
  const parts = [
    `${count(({ on }) => on !== undefined)} by pushes`,
    `${count(({ on }) => on?.branch?.includes(semver))} of them match version tags`,
    `${count(({ on }) => on?.paths !== undefined)} ask for paths`,
    `${count(({ on }) => on?.skipBranch !== undefined)} skip branches`,
    `${count(({ clock }) => clock !== undefined)} by a clock`,
    `${count(({ capacity }) => capacity !== undefined)} share one place`,
    `${count(({ maxConcurrency }) => maxConcurrency !== undefined)} have a limit`,
    `${count(({ rerun }) => rerun !== undefined)} have rights to rerun`,
  ];
  return `${jobs.length}: ${parts.join(", ")}`;
}

/** A push to each remote within the time: a commit, with version tags in every second, five of them in every eighth. */
async function pushAll(remotes) {
  const began = Date.now();
  const pushes = [];
  for (const [index, remote] of remotes.entries()) {
    const { number, scratch, branch, url, commit: before } = remote;
    await git(scratch, "checkout", "--quiet", "--force", branch);
    const path = number % 3 === 0 ? "README.md" : "images/app/Dockerfile";
    const commit = await put(scratch, { [path]: `FROM scratch\n# ${number}\n` });
    const tags = number % 2 === 1 ? [] : number % 8 === 0 ? [1, 2, 3, 4, 5] : [1];
    const refs = [
      { ref: "refs/heads/main", changes: [path] },
      ...tags.map((patch) => ({ ref: `refs/tags/v1.${number}.${patch}`, changes: [] })),
      ...(number % 16 === 5 ? [{ ref: "refs/heads/dependabot/npm", changes: [path] }] : []),
      ...(number % 16 === 7 ? [{ ref: "refs/heads/release-1.0", changes: [path] }] : []),
    ];
    const isTold = index % 2 === 0;
    await git(scratch, "push", "--quiet", url, ...refs.map(({ ref }) => `${branch}:${ref}`));
    pushes.push({ url, commit, before, refs, isTold, at: Date.now() });
    if (isTold) {
      const about = {
        repositoryUrls: [url],
        refs: ["refs/heads/main"],
        pull: undefined,
        comment: undefined,
        registry: [],
      };
      await acceptDelivery(db, {
        source: "bench",
        sender: "gitea",
        id: `${number}`,
        event: "push",
        ...about,
      });
    }
    const wait = began + ((index + 1) * Number(seconds) * 1000) / remotes.length - Date.now();
    if (wait > 0) await sleep(wait);
  }
  const tagged = pushes.flatMap(({ refs }) => refs).length;
  say(
    `pushes to ${pushes.length} repositories`,
    `${tagged} refs in ${((Date.now() - began) / 1000).toFixed(1)} s`,
  );
  return pushes;
}

function expectedOf(jobs, pushes) {
  const expected = new Set();
  for (const { url, commit, refs } of pushes) {
    for (const push of refs) {
      for (const job of jobs.filter(({ repo }) => repo === url)) {
        if (judgePush(job, push).verdict === "run") expected.add(`${job.name} ${push.ref} ${commit}`);
      }
    }
  }
  return expected;
}

async function allRuns() {
  const runs = [];
  for (let after; ; ) {
    const page = await queue.list({ limit: 500, after });
    runs.push(...page.runs);
    after = page.next;
    if (after === undefined) return runs.reverse();
  }
}

function report(runs, expected, pushes, told, problems) {
  const ofPushes = runs.filter(({ causes }) => causes[0].by === "push");
  const ran = ofPushes.map(({ job, ref, commit }) => `${job} ${ref} ${commit}`);
  const missing = [...expected].filter((one) => !ran.includes(one));
  const superfluous = ran.filter((one) => !expected.has(one));
  const twice = ran.filter((one, at) => ran.indexOf(one) !== at);
  say("runs that the filters let through", `${expected.size}`);
  say(
    "runs that were carried out",
    `${ran.length}, ${missing.length} missing, ${superfluous.length} too many, ${twice.length} twice`,
  );
  const clocks = runs.filter(({ causes }) => causes[0].by === "clock");
  say("runs of the clock", `${clocks.length} of ${new Set(clocks.map(({ job }) => job)).size} jobs`);
  const results = new Map();
  for (const { state, result } of runs) results.set(result ?? state, (results.get(result ?? state) ?? 0) + 1);
  say("how they ended", [...results].map(([word, count]) => `${count} ${word}`).join(", "));
  for (const isTold of [true, false]) {
    const delays = pushes
      .filter((push) => push.isTold === isTold)
      .flatMap(({ commit, at }) => {
        const run = ofPushes.find((one) => one.commit === commit);
        return run === undefined ? [] : [told.get(run.id).at - at];
      });
    say(`from a push ${isTold ? "with" : "without"} a webhook to its runs asked for`, quantiles(delays));
  }
  const waits = runs.map(({ askedAt, startedAt }) => startedAt - askedAt);
  say("from asked for to started", quantiles(waits));
  say("most at the same time", `${peakOf(runs)} of ${seatsOfAll()} seats`);
  const label = peakOf(runs.filter(({ capacity }) => capacity !== undefined));
  say("most at the same time of those that share one place", `${label}: ${label <= 1 ? "kept" : "EXCEEDED"}`);
  const limited = new Map();
  for (const run of runs) {
    if (run.maxConcurrency !== undefined) limited.set(run.job, [...(limited.get(run.job) ?? []), run]);
  }
  const over = [...limited.values()].filter((of) => peakOf(of) > of[0].maxConcurrency);
  say("jobs with a limit of their own", `${limited.size}, ${over.length} exceeded`);
  const order = [...runs].sort((one, other) => one.startedAt - other.startedAt);
  const inversions = order.filter((run, at) =>
    order.slice(at + 1).some((later) => outranks(later, run)),
  ).length;
  say("started before one that was ahead of it and could have run", `${inversions} of ${order.length}`);
  say("problems", `${problems.length}${problems.length === 0 ? "" : ` ${JSON.stringify(problems[0])}`}`);
  process.stdout.write("the first that started:\n");
  for (const { job, ref, priority, causes, askedAt, startedAt } of order.slice(0, 12)) {
    process.stdout.write(
      `  ${startedAt.toISOString().slice(11, 23)} after ${String(startedAt - askedAt).padStart(5)} ms  ${String(priority).padStart(2)}  ${job} ${ref} (${causes[0].text})\n`,
    );
  }
}

/** Whether a run should have been started before another: asked for by then, of higher rank, and free of limits. */
function outranks(later, earlier) {
  const rank = ({ priority, askedAt }) => askedAt.getTime() - priority * 60_000;
  const isFree = later.capacity === undefined && later.maxConcurrency === undefined;
  // What is asked for is seen when its transaction is committed, which on a busy machine is later than it says.
  return (
    isFree && later.askedAt.getTime() + 1_000 < earlier.startedAt.getTime() && rank(later) < rank(earlier)
  );
}

function seatsOfAll() {
  return seats * (db.kind === "pglite" ? 1 : Number(workers));
}

function peakOf(runs) {
  const events = runs
    .flatMap(({ startedAt, endedAt }) => [
      { at: startedAt.getTime(), step: 1 },
      { at: endedAt.getTime(), step: -1 },
    ])
    .sort((one, other) => one.at - other.at || one.step - other.step);
  let now = 0;
  let most = 0;
  for (const { step } of events) {
    now += step;
    most = Math.max(most, now);
  }
  return most;
}

function quantiles(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (part) =>
    `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0)} ms`;
  return `median ${at(0.5)}, 90 % ${at(0.9)}, most ${at(1)}`;
}

function startWorker() {
  const argv = [fileURLToPath(import.meta.url), address, seconds, workers, "worker"];
  return spawn(process.execPath, argv, { stdio: ["pipe", "inherit", "inherit"] });
}

async function git(folder, ...words) {
  const { stdout } = await promisify(execFile)("git", ["-C", folder, ...words], { env: environment });
  return stdout.trim();
}

function say(what, value) {
  process.stdout.write(`${what.padEnd(60)} ${value}\n`);
}
