// What the first page of each list of the API takes, with many rows behind it, through HTTP:
// node bench/serve/lists.mjs [postgres://USER@HOST/DATABASE] [RUNS]
// Without a URL the embedded database is measured, in a folder of its own. The database has to be empty; it stays.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  accessMigrations,
  closedAccess,
  createApp,
  deliveriesMigrations,
  issueToken,
  listen,
  migrate,
  notificationsMigrations,
  openDatabase,
  openObjects,
  openQueue,
  openRunDatabase,
  parseJobs,
  queueMigrations,
  storeMigrations,
  triggersMigrations,
} from "../../dist/internal.js";

const [url, runs = "100000"] = process.argv.slice(2);
const count = Number(runs);
const goal = 50;
const rounds = 30;
const folder = await mkdtemp(join(tmpdir(), "waybill-lists-"));
const db = await openDatabase(url === undefined || url === "" ? { folder: join(folder, "db") } : { url });
try {
  await migrate(db, [
    ...[...queueMigrations, ...storeMigrations, ...deliveriesMigrations, ...triggersMigrations],
    ...[...accessMigrations, ...notificationsMigrations],
  ]);
  await fill(count);
  await measureAll();
} finally {
  await db.close();
  await rm(folder, { recursive: true, force: true });
}

/** Half of the runs are of one job, the others of 200; one in 100 failed, one in 1,000 is of a pull request; 500 wait. */
async function fill(many) {
  const cause = { by: "push", text: "push of main", at: "2026-01-01T00:00:00Z" };
  await db.query(
    `INSERT INTO queue_run (id, job, kind, type, repo, ref, commit, pull, author, key, priority, input, causes, state, asked_at, rank, attempt,
       worker, started_at, result, details, ended_at)
     SELECT ((1767225600000 + n::bigint * 60000 - 1288834974657) << 22) | 8192 | (n & 4095), job, kind,
       CASE WHEN n % 1000 = 0 THEN 'presubmit' ELSE 'postsubmit' END, 'https://github.com/example/' || job, 'refs/heads/main',
       md5(n::text) || '01234567', CASE WHEN n % 1000 = 0 THEN n % 500 + 1 END, CASE WHEN n % 1000 = 0 THEN 'author-' || n % 50 END,
       n::text, 0, $2, $3::jsonb, CASE WHEN is_open THEN 'waiting' ELSE 'ended' END, now(), n, 1, 'host-' || n % 8 || ':7:abc:1', now(),
       CASE WHEN NOT is_open THEN CASE WHEN n % 100 = 0 THEN 'FAILURE' ELSE 'SUCCESS' END END,
       CASE WHEN NOT is_open THEN jsonb_build_object('summary', n % 50 || ' images promoted to registry.k8s.io') END,
       CASE WHEN NOT is_open THEN now() END
     FROM (SELECT n, n > $1 - 500 AS is_open, CASE WHEN n % 2 = 0 THEN 'promote' ELSE 'build' END AS kind,
             CASE WHEN n % 2 = 0 THEN 'promote' ELSE 'job-' || n % 200 END AS job FROM generate_series(1, $1::int) AS n) AS run`,
    [many, { job: {} }, JSON.stringify([cause])],
  );
  await db.query(
    `INSERT INTO delivery (source, id, sender, event, content, outcome, received_at, due_at)
     SELECT 'forge', n::text, 'github', CASE WHEN n % 100 = 0 THEN 'ping' ELSE 'push' END,
       jsonb_build_object('repositoryUrls', jsonb_build_array('https://github.com/example/' || n % 200), 'refs', '[]'::jsonb, 'registry', '[]'::jsonb),
       'done', now(), now() FROM generate_series(1, $1::int) AS n`,
    [many],
  );
  await db.query(
    `INSERT INTO notification (receiver, telling, cause, jobs, made_at, due_at, state)
     SELECT 'ops', 'failing', n::text, jsonb_build_array(jsonb_build_object('job', 'job-' || n % 200, 'run', '1')), now(), now(), 'sent'
     FROM generate_series(1, $1::int) AS n`,
    [many],
  );
  await db.query(
    `INSERT INTO audit_entry (number, entry, hash) SELECT n, json_build_object('number', n, 'at', '2026-01-01T00:00:00Z', 'act',
       CASE WHEN n % 1000 = 0 THEN 'token.issue' ELSE 'run.abort' END, 'subject', 'run/' || n, 'who',
       json_build_object('kind', 'person', 'id', 'p' || n % 100, 'name', 'x'), 'previous', '')::text, 'hash'
     FROM generate_series(1, $1::int) AS n`,
    [many],
  );
  for (const table of ["queue_run", "delivery", "notification", "audit_entry"]) {
    await db.query(`${db.kind === "postgres" ? "VACUUM " : ""}ANALYZE ${table}`);
  }
}

async function measureAll() {
  const queue = openQueue(db);
  const store = await openRunDatabase(db, {
    objects: openObjects(join(folder, "objects")),
    spool: join(folder, "spool"),
  });
  const jobs = Array.from(
    { length: 200 },
    (_, at) =>
      `- { name: job-${at}, repo: "https://github.com/example/job-${at}", promote: { manifests: . } }\n`,
  );
  const list = parseJobs(`jobs:\n${jobs.join("")}`, "jobs.yaml");
  const stopping = new AbortController();
  const app = createApp({
    ...{
      version: "0",
      db,
      queue,
      runs: store,
      publicUrl: new URL("http://localhost"),
      stopping: stopping.signal,
    },
    jobs: {
      current: () => ({ where: "", jobs: list.jobs, diagnostics: [], problems: [] }),
      areKnown: () => true,
      ownersOf: async () => [],
    },
    access: { settings: closedAccess, logins: { providers: [] }, machines: {} },
    webhooks: { sources: [], accept: async () => {} },
    trustedProxies: [],
    onProblem: (error) => process.stderr.write(`${error.stack}\n`),
  });
  const endsAt = new Date(Date.now() + 3_600_000);
  const { token } = await issueToken(
    db,
    { name: "bench", role: "admin", endsAt, madeBy: "bench" },
    new Date(),
  );
  const server = await listen(app, { host: "127.0.0.1", port: 0 });
  for (const path of [
    ...["/runs", "/runs?limit=500", "/runs?order=turn", "/runs?job=promote", "/runs?job=job-7"],
    ...[
      "/runs?result=FAILURE",
      "/runs?state=waiting",
      "/runs?state=held",
      "/runs?type=presubmit",
      "/runs?type=batch",
    ],
    ...["/runs?author=author-0", "/runs?author=nobody", "/runs?machine=host-3", "/runs?machine=none"],
    ...["/runs?repo=https://github.com/example/job-7", "/runs?repo=https://github.com/example/promote"],
    ...[
      "/runs?search=job",
      "/runs?search=job%207",
      "/runs?search=nothing",
      "/runs?search=registry%20promote%2049",
    ],
    ...["/runs?since=2026-02-01&until=2026-02-02", "/runs?until=2026-01-02", "/runs?format=csv"],
    ...["/jobs", "/deliveries", "/deliveries?event=ping", "/deliveries?event=none", "/deliveries?repo=none"],
    ...[
      "/notifications",
      "/notifications?job=job-7",
      "/notifications?job=none",
      "/notifications?state=failed",
    ],
    ...[
      "/audit-log",
      "/audit-log?act=token.issue",
      "/audit-log?act=none",
      "/audit-log?who=p7",
      "/audit-log?subject=run/7",
    ],
    ...["/tokens", "/people"],
  ]) {
    const taken = [];
    for (let round = 0; round < rounds; round += 1) {
      const begin = performance.now();
      const answer = await fetch(`http://${server.address}/api/v1${path}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      await answer.text();
      taken.push(performance.now() - begin);
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    }
    taken.sort((one, other) => one - other);
    const middle = taken[rounds / 2];
    const judged = middle <= goal ? "met" : "MISSED";
    process.stdout.write(
      `${path.padEnd(60)} ${middle.toFixed(1).padStart(7)} ms, longest ${taken.at(-1).toFixed(1)}  goal ≤ ${goal}: ${judged}\n`,
    );
  }
  stopping.abort();
  await server.close(1_000);
  await store.release();
}
