import { execFile } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { startPostgres } from "./postgres.mjs";
import { startLoggedRegistry } from "./registry.mjs";
import { ServerProcess } from "./servers.mjs";

export const regions = ["us", "eu", "asia"];
const secret = "a-secret-of-a-bench-that-nobody-need-keep";

/** A generator of numbers from 0 to 1 that gives the same for the same seed (mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Writes down each step of a run within the transaction that makes it: what the tables forget, this keeps. */
const history = `
CREATE TABLE IF NOT EXISTS bench_history (
  number bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), run bigint NOT NULL, job text NOT NULL, mutex text,
  attempt int NOT NULL, worker text, state text NOT NULL, result text
);
CREATE OR REPLACE FUNCTION bench_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO bench_history (run, job, mutex, attempt, worker, state, result)
  VALUES (NEW.id, NEW.job, NEW.mutex, NEW.attempt, NEW.worker, NEW.state, NEW.result);
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER bench_asked AFTER INSERT ON queue_run FOR EACH ROW EXECUTE FUNCTION bench_note();
CREATE OR REPLACE TRIGGER bench_moved AFTER UPDATE ON queue_run FOR EACH ROW
  WHEN (OLD.state <> NEW.state OR OLD.attempt <> NEW.attempt) EXECUTE FUNCTION bench_note();
`;

/**
 * Repositories of manifests, a registry that is staging and three productions, and servers that promote from the one to the others.
 * @param options `kind`: pglite or postgres. `repositories`: how many. `jobsOf`: YAML of the jobs of one. `pause`: of each write, in
 * milliseconds. `dist`: the built package.
 */
export async function openWorld({ kind, repositories: count, jobsOf, pause, dist: given, concurrency = 4 }) {
  // What is ended takes its servers and its database along.
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
  const dist =
    given === undefined ? fileURLToPath(new URL("../../../dist", import.meta.url)) : resolve(given);
  const waybill = join(dist, "bin", "waybill.js");
  const internal = await import(pathToFileURL(join(dist, "internal.js")).href);
  const folder = await mkdtemp(join(tmpdir(), "waybill-crash-"));
  for (const name of ["logs", "jobs", "remotes"]) await mkdir(join(folder, name));
  const registry = await startLoggedRegistry(internal, join(folder, "registry"), pause);
  const postgres = kind === "postgres" ? await startPostgres() : undefined;
  const data = join(folder, "data");
  const database = postgres === undefined ? { folder: join(data, "database") } : { url: postgres.url };
  const token = randomBytes(24).toString("base64url");
  await writeFile(join(folder, "token"), `${token}\n`, { mode: 0o600 });
  await writeFile(join(folder, "secret"), `${secret}\n`, { mode: 0o600 });
  await writeFile(
    join(folder, "waybill.yaml"),
    `serve: { objects: ${join(folder, "objects")}, webhooks: { forge: [{ file: secret }] }, access: { adminTokenFile: token } }\n`,
  );
  /** @returns A folder with the credentials of somebody, by whose name the registry knows him. */
  const credentialsFor = async (name) => {
    const docker = join(folder, "docker", name);
    await mkdir(docker, { recursive: true });
    const auth = Buffer.from(`${name}:bench`).toString("base64");
    await writeFile(join(docker, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    return docker;
  };
  const world = { kind, folder, waybill, registry, internal, postgres, credentialsFor };
  const repositories = [];
  for (let at = 0; at < count; at += 1) repositories.push(await makeRepository(folder, at, registry));
  await writeFile(join(folder, "jobs", "jobs.yaml"), `jobs:\n${repositories.map(jobsOf).join("")}`);

  const common = ["--data-dir", data, "--jobs", join(folder, "jobs"), "--concurrency", `${concurrency}`];
  const usual = ["--database", postgres?.url, "--public-url", "http://waybill.example.org"];
  const anywhere = ["--listen", "127.0.0.1:0"];
  const servers =
    postgres === undefined
      ? [new ServerProcess(world, "all", [...common, ...anywhere])]
      : [
          new ServerProcess(world, "web+scheduler", [
            ...common,
            ...usual,
            ...anywhere,
            "--role",
            "web,scheduler",
          ]),
          ...[1, 2].map(
            (number) =>
              new ServerProcess(world, `worker-${number}`, [
                ...[...common, "--data-dir", `${data}-${number}`, ...usual],
                ...[...anywhere, "--role", "worker"],
              ]),
          ),
        ];
  const [first] = servers;
  await first.start();
  await first.up();
  if ((await first.stop()) !== 0) throw new Error(`it does not stop well: ${first.life.log.slice(-2000)}`);
  await withDatabase((db) => db.script(history));

  async function withDatabase(work) {
    const db = await internal.openDatabase(database);
    try {
      return await work(db);
    } finally {
      await db.close();
    }
  }
  /** @returns The answer, or `undefined` when there was none, or the server could not. */
  const send = async (path, { method = "GET", headers, body } = {}) => {
    try {
      const signal = AbortSignal.timeout(20_000);
      const { address } = first.life;
      if (address === undefined) return undefined;
      const answer = await fetch(`http://${address}${path}`, { method, headers, body, signal });
      const text = await answer.text();
      if (answer.status >= 500 || [408, 429].includes(answer.status)) return undefined;
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      if (!(answer.headers.get("content-type") ?? "").includes("json")) return text;
      return text === "" ? null : JSON.parse(text);
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError || error.name === "TimeoutError")
        return undefined;
      throw error;
    }
  };
  return {
    ...world,
    ...{ repositories, servers, withDatabase },
    /** Asks the API. @returns The answer; `undefined` when nobody knows what became of it. */
    ask: (method, path, body) =>
      send(`/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      }),
    /** Delivers until it is accepted. @returns How often it had to be sent. */
    async deliver({ id, headers, content }, isOver = () => false) {
      const body = JSON.stringify(content);
      const signature = createHmac("sha256", secret).update(body).digest("hex");
      for (let sent = 1; ; sent += 1) {
        const answer = await send("/webhooks/forge", {
          method: "POST",
          headers: {
            "content-type": "application/json",
            ...(headers ?? { authorization: `Bearer ${secret}` }),
            ...(headers === undefined ? {} : { "x-gitea-delivery": id, "x-gitea-signature": signature }),
          },
          body,
        });
        if (answer !== undefined) return sent;
        if (isOver()) return undefined;
        await sleep(1_000);
      }
    },
    async close() {
      for (const { life } of servers) {
        life?.child.kill("SIGCONT");
        life?.child.kill("SIGKILL");
        await life?.ended;
      }
      await registry.close();
      await postgres?.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function git(cwd, ...argv) {
  const who = { GIT_AUTHOR_NAME: "bench", GIT_AUTHOR_EMAIL: "bench@example.org" };
  const env = {
    ...{ PATH: process.env.PATH, HOME: tmpdir(), GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" },
    ...{ ...who, GIT_COMMITTER_NAME: who.GIT_AUTHOR_NAME, GIT_COMMITTER_EMAIL: who.GIT_AUTHOR_EMAIL },
  };
  const { stdout } = await promisify(execFile)("git", argv, { cwd, env });
  return stdout.trim();
}

/** A repository of manifests, and what was pushed to it. */
async function makeRepository(folder, number, registry) {
  const name = `manifests-${number}`;
  const remote = join(folder, "remotes", "org", name);
  const checkout = join(folder, "checkouts", name);
  await git(folder, "init", "--quiet", "--bare", "--initial-branch=main", remote);
  await git(folder, "init", "--quiet", "--initial-branch=main", checkout);
  const url = pathToFileURL(remote).href;
  const image = `app-${number}`;
  const write = async (path, text) => {
    await mkdir(dirname(join(checkout, path)), { recursive: true });
    await writeFile(join(checkout, path), text);
  };
  const listings = regions.map((region) => `- name: ${registry.host}/${region}\n`).join("");
  await write(
    "registry/manifests/app/promoter-manifest.yaml",
    `registries:\n- name: ${registry.host}/staging\n  src: true\n${listings}`,
  );
  await write(
    "app/cloudbuild.yaml",
    `steps:\n- name: gcr.io/cloud-builders/docker\n  args: [build, -t, 'gcr.io/$PROJECT_ID/${image}:$TAG_NAME', .]\nimages: ['gcr.io/$PROJECT_ID/${image}:$TAG_NAME']\n`,
  );
  await write("app/Dockerfile", "FROM scratch\nCOPY hello /\n");
  await write("app/hello", "hello\n");
  const images = new Map();
  const order = [];
  const commit = async () => {
    const lines = [...images].map(([tag, digest]) => `    "${digest}": ["${tag}"]\n`).join("");
    const text = images.size === 0 ? "# Nothing yet.\n" : `- name: ${image}\n  dmap:\n${lines}`;
    await write("registry/images/app/images.yaml", text);
    await git(checkout, "add", "--all", ".");
    await git(checkout, "commit", "--quiet", "--message", "a change");
    await git(checkout, "push", "--quiet", url, "HEAD:refs/heads/main");
    order.push(await git(checkout, "rev-parse", "HEAD"));
  };
  await commit();
  const pushTag = async (tag) => {
    await git(checkout, "push", "--quiet", url, `HEAD:refs/tags/${tag}`);
    return `refs/tags/${tag}`;
  };
  return {
    ...{ number, name, url, image, images },
    /** Where its builds go. */
    built: `${registry.host}/built`,
    tags: [],
    /** Tags that are built. */
    builds: [],
    /** The heads of its branch, the newest last. */
    order,
    /** The head of its branch; `undefined` while it is as it was when it was first looked at. */
    head: () => order.slice(1).at(-1),
    /** Asks for more images in production. */
    async pushImages(count) {
      for (let at = 0; at < count; at += 1)
        images.set(`v${images.size + 1}`, await registry.stage(`staging/${image}`));
      await commit();
    },
    async pushTag() {
      const ref = await pushTag(`v0.${this.tags.length + 1}.0`);
      this.tags.push(ref);
      return ref;
    },
    async pushBuild() {
      const ref = await pushTag(`b${this.builds.length + 1}`);
      this.builds.push(ref);
      return ref;
    },
  };
}
