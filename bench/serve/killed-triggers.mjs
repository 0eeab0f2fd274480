// Kills the process that looks, at random moments: node bench/serve/killed-triggers.mjs URL [TIMES]
// URL names an empty database of PostgreSQL. While commits and tags are pushed to some repositories, two processes look at them,
// of which one is killed again and again. In the end each push has been asked for once.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import {
  acceptDelivery,
  deliveriesMigrations,
  migrate,
  openDatabase,
  openQueue,
  parseJobs,
  queueMigrations,
  runTriggers,
  triggersMigrations,
} from "../../dist/internal.js";

const [address, times = "40", folder] = process.argv.slice(2);
const repositories = 6;
const environment = {
  ...{ PATH: process.env.PATH, HOME: tmpdir(), GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" },
  ...{ GIT_AUTHOR_NAME: "bench", GIT_AUTHOR_EMAIL: "bench@example.org" },
  ...{ GIT_COMMITTER_NAME: "bench", GIT_COMMITTER_EMAIL: "bench@example.org" },
};
const db = await openDatabase({ url: address });
const queue = openQueue(db);
if (folder !== undefined) await look();
else await lead();

function urlOf(at, number) {
  return pathToFileURL(join(at, "org", `repository-${number}`)).href;
}

async function look() {
  const text = Array.from({ length: repositories }, (_, at) => {
    const filter = at % 2 === 0 ? "{}" : "{ branch: ['^main$', '^v'], skipPaths: ^never }";
    return `  - { name: build-${at}, repo: '${urlOf(folder, at)}', triggers: ${filter}, build: { dir: . } }`;
  });
  const jobs = parseJobs(`jobs:\n${text.join("\n")}\n`, "jobs.yaml").jobs.map(({ job }) => job);
  await runTriggers({
    ...{ db, queue, jobs: () => jobs, mirrors: join(folder, "mirrors"), environment },
    credentialOf: async () => undefined,
    projectOf: async () => undefined,
    signal: new AbortController().signal,
  });
}

async function lead() {
  const at = await mkdtemp(join(tmpdir(), "waybill-killed-"));
  await migrate(db, [...queueMigrations, ...deliveriesMigrations, ...triggersMigrations]);
  for (let number = 0; number < repositories; number += 1) {
    const path = fileURLToPath(urlOf(at, number));
    await git(at, "init", "--quiet", "--initial-branch=main", path);
    await git(path, "commit", "--quiet", "--allow-empty", "--message", "the first");
  }
  const start = () =>
    spawn(process.execPath, [fileURLToPath(import.meta.url), address, times, at], { stdio: "inherit" });
  let killed = start();
  const other = start();
  while ((await count("SELECT count(*)::int AS n FROM remote WHERE known")) < repositories) await sleep(50);
  const expected = new Set();
  let kills = 0;
  for (let round = 0; kills < Number(times); round += 1) {
    const number = round % repositories;
    const path = fileURLToPath(urlOf(at, number));
    await git(path, "commit", "--quiet", "--allow-empty", "--message", `${round}`);
    const tags = Array.from({ length: round % 4 }, (_, tag) => `v${round}.${tag}`);
    for (const tag of tags) await git(path, "tag", tag);
    for (const tag of number % 2 === 0 ? tags : []) expected.add(`build-${number} refs/tags/${tag}`);
    const about = { refs: ["refs/heads/main"], pull: undefined, comment: undefined, registry: [] };
    const told = { source: "bench", sender: "gitea", id: `${round}`, event: "push" };
    await acceptDelivery(db, { ...told, repositoryUrls: [urlOf(at, number)], ...about });
    await sleep(Math.random() * 150);
    if (Math.random() < 0.4) {
      killed.kill("SIGKILL");
      await once(killed, "close");
      kills += 1;
      killed = start();
    }
  }
  const until = Date.now() + 180_000;
  while (Date.now() < until && (await newest(at)) < repositories) await sleep(500);
  other.kill("SIGKILL");
  killed.kill("SIGKILL");
  const heads = await newest(at);
  const runs = await db.query(
    "SELECT job, ref, commit, jsonb_array_length(causes) + more_causes AS causes FROM queue_run",
  );
  const tags = runs.filter(({ ref }) => ref.startsWith("refs/tags/")).map(({ job, ref }) => `${job} ${ref}`);
  say("killed", `${kills} times`);
  say(
    "tags asked for",
    `${tags.length} of ${expected.size}, ${[...expected].filter((one) => !tags.includes(one)).length} missing`,
  );
  say("asked for twice", `${runs.filter(({ causes }) => causes > 1).length} of ${runs.length}`);
  say("branches whose newest commit was asked for", `${heads} of ${repositories}`);
  await db.close();
  await rm(at, { recursive: true, force: true });
}

/** How many of the branches have a run for where they stand. Those that ask for paths have none for empty commits. */
async function newest(at) {
  let found = 0;
  for (let number = 0; number < repositories; number += 1) {
    const commit = await git(fileURLToPath(urlOf(at, number)), "rev-parse", "HEAD");
    const seen = await count(
      "SELECT count(*)::int AS n FROM remote_ref WHERE ref = 'refs/heads/main' AND commit = $1",
      [commit],
    );
    const asked = await count(
      "SELECT count(*)::int AS n FROM queue_run WHERE ref = 'refs/heads/main' AND commit = $1",
      [commit],
    );
    if (seen === 1 && (number % 2 === 1 || asked === 1)) found += 1;
  }
  return found;
}

async function count(text, values) {
  const [row] = await db.query(text, values);
  return row.n;
}

async function git(at, ...words) {
  const { stdout } = await promisify(execFile)("git", ["-C", at, ...words], { env: environment });
  return stdout.trim();
}

function say(what, value) {
  process.stdout.write(`${what.padEnd(60)} ${value}\n`);
}
