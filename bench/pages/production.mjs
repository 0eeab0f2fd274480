// What production costs where it is large: node bench/pages/production.mjs [postgres://USER@HOST/DATABASE] [--tree FOLDER] [--serve]
// Without a URL the embedded database is measured, in a folder of its own. The database has to be empty; it stays. Without a tree of
// manifests, 1,000,000 edges are made up: 75 projects at 22 mirrors. With --serve, the pages stay at the address that is printed.
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  accessMigrations,
  closedAccess,
  createApp,
  createPages,
  desiredRepositories,
  edgesOf,
  listen,
  migrate,
  openDatabase,
  openObjects,
  openQueue,
  openRunDatabase,
  parseJobs,
  productionMigrations,
  queueMigrations,
  readManifests,
  recordLook,
  recordTraffic,
  storeMigrations,
  triggersMigrations,
} from "../../dist/internal.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tree: { type: "string" }, serve: { type: "boolean", default: false } },
});
const [url] = positionals;
const goal = url === undefined ? 250 : 100;
const rounds = 20;
const hour = 3_600_000;
const repo = "https://github.com/kubernetes/k8s.io";
const place = { repo, ref: "refs/heads/main", path: "registry.k8s.io" };
const folder = await mkdtemp(join(tmpdir(), "waybill-production-"));
const db = await openDatabase(url === undefined ? { folder: join(folder, "db") } : { url });
try {
  await migrate(db, [
    ...[
      ...queueMigrations,
      ...storeMigrations,
      ...triggersMigrations,
      ...accessMigrations,
      ...productionMigrations,
    ],
  ]);
  const { manifests, unreadable } = values.tree === undefined ? madeTree() : await readManifests(values.tree);
  const edges = edgesOf(manifests);
  await fill(edges, unreadable);
  await measure();
} finally {
  await db.close();
  await rm(folder, { recursive: true, force: true });
}

function madeTree() {
  const at = { line: 1, column: 1 };
  const regions = Array.from({ length: 22 }, (_, index) => `region-${index}-docker.pkg.dev`);
  const manifests = Array.from({ length: 75 }, (_, project) => ({
    ...{
      project: `k8s-project-${project}`,
      file: "promoter-manifest.yaml",
      imagesFile: `images/${project}/images.yaml`,
    },
    source: { name: `gcr.io/k8s-staging-${project}`, at },
    destinations: regions.map((host) => ({ name: `${host}/k8s-artifacts-prod/project-${project}`, at })),
    images: Array.from({ length: 6 }, (_, image) => ({
      name: `image-${image}`,
      at,
      digests: Array.from({ length: 101 }, (_, version) => ({
        digest: digestOf(`${project} ${image} ${version}`),
        tags: [{ tag: `v1.${version}.0`, at: { line: version + 2, column: 1 } }],
        at: { line: version + 2, column: 1 },
      })),
    })),
  }));
  return { manifests, unreadable: [] };
}

function digestOf(text) {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** Weeks of looks, with what goes wrong in such: a few images in many places, and one mirror that cannot be read at last. */
async function fill(edges, unreadable) {
  const desired = desiredRepositories(edges);
  const [away] = [...new Set(desired.map(({ destination }) => destination.split("/", 1)[0]))]
    .sort()
    .slice(-3);
  const failure = {
    code: "unreachable",
    message: `${away} cannot be reached: connect ECONNREFUSED`,
    hint: "look at its network; the next look tries it again",
    host: away,
  };
  const kinds = ["missing", "elsewhere", "corrupt", "failed", "incomplete", "lost"];
  function* troubles(share, isAway) {
    let count = 0;
    for (const { destination, images } of desired) {
      const isUnread = isAway && destination.startsWith(`${away}/`);
      for (const { digest, tags } of images) {
        count += 1;
        if (isUnread) yield { destination, digest, tag: tags[0]?.tag ?? null, trouble: "unread", failure };
        else if (count % share === 0) {
          const trouble = kinds[(count / share) % kinds.length];
          const current = trouble === "elsewhere" ? digestOf(destination) : undefined;
          const isWhole = trouble === "corrupt" || trouble === "incomplete";
          yield { destination, digest, tag: isWhole ? null : (tags[0]?.tag ?? null), trouble, current };
        }
      }
    }
  }
  let run = 2_000_000_000_000_000_000n;
  const look = async (name, hours, share, isAway, promoted = { images: 0, edges: 0 }) => {
    run += 1n;
    const began = new Date(Date.now() - hours * hour);
    const ms = await timed(() =>
      recordLook(db, {
        ...{
          place,
          run: String(run),
          attempt: 1,
          job: "verify-production",
          commit: "c".repeat(40),
          began,
          edges,
          unreadable,
        },
        ...{ isWhole: true, isDeep: true, manifestErrors: 0, troubles: troubles(share, isAway), promoted },
      }),
    );
    if (name !== undefined) tell(name, ms);
  };
  await look("a first look at everything", 24 * 60, 9_000, false);
  await look("a look that finds the same again", 24 * 60 - 1, 9_000, false);
  await look("a look that finds another mirror unread", 24 * 58, 9_000, true);
  await look("a look that finds it back", 24 * 58 - 1, 9_000, false);
  for (let day = 57; day > 0; day -= 1) {
    const images = [0, 6].includes(day % 7) ? 0 : 5 + ((day * 37) % 60);
    await look(undefined, 24 * day, 9_000, false, { images, edges: images * 22 });
  }
  await look(undefined, 6, 4_000, false, { images: 31, edges: 682 });
  await look("a look that finds a mirror unread, and other drift", 1, 4_000, true, {
    images: 12,
    edges: 264,
  });
  const hosts = [...new Set(desired.map(({ destination }) => destination.split("/", 1)[0]))];
  for (let at = 24 * 60; at >= 0; at -= 8) {
    const traffic = Object.fromEntries(
      hosts.map((host, index) => [
        host,
        {
          requests: { manifest: 9_000 - index * 250 + ((at * 7919) % 1_500) },
          faults: { "rate-limited": (at + index) % 9 === 0 ? 40 : 0, timeout: 2 },
          waited: (at + index) % 9 === 0 ? 45_000 : 0,
          bytesRead: 40_000_000 + ((at * 31) % 17) * 9_000_000,
          bytesSent: 2_000_000_000 + ((at * 13) % 11) * 300_000_000,
        },
      ]),
    );
    await recordTraffic(db, {
      run: `t${at}`,
      attempt: 1,
      ended: new Date(Date.now() - at * hour),
      traffic: { hosts: traffic },
    });
  }
  if (db.kind === "postgres") await db.query("VACUUM ANALYZE");
  const [{ images, edges: sum }] = await db.query(
    "SELECT sum(images)::int AS images, sum(edges)::int AS edges FROM production_project",
  );
  const [{ bytes }] = await db.query(
    "SELECT sum(pg_total_relation_size(oid))::text AS bytes FROM pg_class WHERE relname LIKE 'production%' AND relkind = 'r'",
  );
  process.stdout.write(`${images} images, ${sum} edges, ${Math.round(bytes / 1e6)} MB of tables\n`);
}

async function timed(work) {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

function tell(name, ms, limit) {
  const judged = limit === undefined ? "" : `  goal ≤ ${limit}: ${ms <= limit ? "met" : "MISSED"}`;
  process.stdout.write(`${name.padEnd(70)} ${ms.toFixed(1).padStart(8)} ms${judged}\n`);
}

async function measure() {
  const queue = openQueue(db);
  const runs = await openRunDatabase(db, {
    objects: openObjects(join(folder, "objects")),
    spool: join(folder, "spool"),
  });
  const list = parseJobs(
    `jobs:\n- { name: verify-production, repo: "${repo}", clock: { cron: "0 */4 * * *", ref: main }, verify: { manifests: ${place.path} } }\n`,
    "jobs.yaml",
  );
  const stopping = new AbortController();
  const late = { fetch: (request, from) => pages.fetch(request, from) };
  const server = await listen(late, { host: "127.0.0.1", port: 0 });
  const publicUrl = new URL(`http://${server.address}`);
  const onProblem = (error) => process.stderr.write(`${error.stack}\n`);
  const api = createApp({
    ...{ version: "0", db, queue, runs, publicUrl, stopping: stopping.signal, onProblem, trustedProxies: [] },
    jobs: {
      current: () => ({ where: "", jobs: list.jobs, diagnostics: [], problems: [] }),
      areKnown: () => true,
      ownersOf: async () => [],
    },
    access: {
      settings: { ...closedAccess, anonymousReading: true },
      logins: { providers: [] },
      machines: {},
    },
    webhooks: { sources: [], accept: async () => {} },
    whyUnready: async () => undefined,
  });
  const pages = createPages({ version: "0", api, publicUrl, onProblem });
  const [{ project }] = await db.query("SELECT project FROM production_project ORDER BY images DESC LIMIT 1");
  const name = encodeURIComponent(project);
  const ofApi = [
    ...["/production", "/production/trees", "/production/history", `/production/projects/${name}/images`],
    ...["?state=off", "?state=failed", "?search=v1.2", "?search=nothing", "?mirror=nowhere"].map(
      (query) => `/production/projects/${name}/images${query}`,
    ),
    ...["", "?state=failed", "?state=contested", "?search=image-3", "?search=nothing", "?mirror=nowhere"].map(
      (query) => `/production/drift${query}`,
    ),
    ...["/hosts", "/hosts/traffic?host=nowhere"],
  ].map((path) => `/api/v1${path}`);
  const ofPages = [
    "/production",
    "/production?show=off",
    "/production/drift",
    "/production/hosts",
    `/production/projects/${name}`,
    "/production?format=csv",
  ];
  for (const path of [...ofApi, ...ofPages]) {
    const taken = [];
    for (let round = 0; round < rounds; round += 1) {
      taken.push(
        await timed(async () => {
          const answer = await fetch(new URL(path, publicUrl));
          await answer.text();
          if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
        }),
      );
    }
    taken.sort((one, other) => one - other);
    tell(path, taken[rounds / 2], goal);
  }
  if (values.serve) {
    process.stdout.write(`${publicUrl}production\n`);
    await new Promise((resolve) => process.once("SIGINT", resolve));
  }
  stopping.abort();
  await server.close(1_000);
  await runs.release();
}
