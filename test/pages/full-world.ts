import { createHmac, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { appendAudit, beginSession, issueToken, keepPerson } from "../../src/access/index.ts";
import { type Database, migrate, openDatabase } from "../../src/database/index.ts";
import { noteRunEnd, tellChanges } from "../../src/notifications/index.ts";
import { openObjects } from "../../src/objects/index.ts";
import { openQueue, type QueuedRun } from "../../src/queue/index.ts";
import { openHostStates } from "../../src/serve/host-states.ts";
import { settleOptions, startServer } from "../../src/serve/index.ts";
import { migrations } from "../../src/serve/migrations.ts";
import { openProcessEntry } from "../../src/serve/processes.ts";
import { readSettings } from "../../src/settings/index.ts";
import { openRunDatabase } from "../../src/store/index.ts";
import { ask, startWorker, untilState } from "../queue/support.ts";
import { temporaryFolder } from "../support/tree.ts";

/** A whole server with something of everything, and secrets wherever there may be one. */
export interface FullWorld {
  readonly origin: string;
  /** By what they are. */
  readonly secrets: Readonly<Record<string, string>>;
  /** What the browser of the admin sends. */
  readonly cookie: string;
  readonly adminToken: string;
  /** A token of a reader. */
  readonly readerToken: string;
  readonly run: string;
}

/** What hurts where it is taken for markup, for a path, or for what it looks like. */
export const hurtful = `</main><script>alert(1)</script>"'\`\u202e../%2e%2e/&amp;`;

/** The settings, with the names of secrets that are made for them. */
const settingsFile = `
hosts:
  registry.example.com: { concurrency: 4, requestsPerSecond: 20 }
credentials:
  - { repository: registry.example.com/team, username: robot, passwordFile: registry-password }
  - { repository: quay.example.com, username: puller, passwordEnv: QUAY_PASSWORD }
  - { repository: ghcr.io, helper: gh }
forges:
  git.example.com: { kind: gitea, tokenFrom: "env:FORGE_TOKEN" }
serve:
  capacities: { big: 2 }
  retention: [{ job: nightly, maxDays: 30 }, { maxRuns: 1000 }]
  webhooks: { forge: [{ file: webhook-secret }] }
  access:
    login:
      sso: { issuer: "https://sso.example.com", clientId: waybill, clientSecretEnv: SSO_SECRET }
    roles:
      reader: { everyone: true }
      admin: { users: [ann] }
  notifications:
    receivers:
      chat: { kind: slack, urlEnv: CHAT_URL }
      ops: { kind: webhook, urlEnv: OPS_URL, secretFiles: [ops-key] }
    rules: { all: { to: [chat, ops] } }
    mail: { host: mail.example.com, from: waybill@example.com, user: waybill, passwordEnv: MAIL_PASSWORD }
  jobCredentials:
    nightly: [{ repository: registry.example.com, username: nightly, passwordEnv: NIGHTLY_PASSWORD }]
`;

const jobFiles = (password: string) => ({
  "good.yaml": `jobs:
- name: push-snoopdb
  repo: https://git.example.com/cncf/apisnoop
  triggers: { branch: ^main$ }
  build: { dir: images/snoopdb, project: k8s-staging-apisnoop }
- name: nightly
  repo: https://git.example.com/cncf/apisnoop
  clock: { cron: "0 7 * * *", ref: main }
  build: { dir: images/snoopdb, project: k8s-staging-apisnoop }
`,
  "bad.yaml": `name: leaky
repo: https://robot:${password}@git.example.com/cncf/apisnoop
build: { dir: ., projekt: ${JSON.stringify(hurtful)} }
`,
});

/** One for the tests of a file: with the pages and the API of a server, and without anything that goes on by itself. */
export function useFullWorld(): () => FullWorld {
  const ends: (() => Promise<void>)[] = [];
  let world: FullWorld | undefined;
  beforeAll(async () => {
    world = await startFullWorld(ends);
  }, 120_000);
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });
  return () => {
    if (world === undefined) throw new Error("the server has not started");
    return world;
  };
}

async function startFullWorld(ends: (() => Promise<void>)[]): Promise<FullWorld> {
  const folder = await temporaryFolder("full");
  ends.push(folder.remove);
  const secret = (): string => randomBytes(24).toString("base64url");
  const secrets = {
    ...{ registry: `p&"<${secret()}`, quay: secret(), webhook: secret(), sso: secret(), forge: secret() },
    ...{ mail: secret(), nightly: secret(), inUrl: secret(), delivered: secret() },
    opsKey: `whsec_${randomBytes(24).toString("base64")}`,
    chat: `https://hooks.example.com/services/${secret()}`,
    ops: `https://ops.example.com/${secret()}`,
  };
  const at = (name: string): string => join(folder.path, name);
  await writeFile(at("waybill.yaml"), settingsFile);
  await writeFile(at("registry-password"), secrets.registry);
  await writeFile(at("webhook-secret"), secrets.webhook);
  await writeFile(at("ops-key"), secrets.opsKey);
  await mkdir(at("jobs"));
  for (const [name, text] of Object.entries(jobFiles(secrets.inUrl)))
    await writeFile(join(at("jobs"), name), text);

  const db = await openDatabase({ folder: at("data/database") });
  const seeded = await seed(db, at("data"));
  await db.close();
  const settings = await readSettings(at("waybill.yaml"));
  const options = await settleOptions({
    ...{ version: "0.0.0", settings, grace: 1_000, usualData: at("data"), roles: ["web"], jobs: at("jobs") },
    environment: {
      ...{
        QUAY_PASSWORD: secrets.quay,
        SSO_SECRET: secrets.sso,
        CHAT_URL: secrets.chat,
        OPS_URL: secrets.ops,
      },
      ...{ MAIL_PASSWORD: secrets.mail, NIGHTLY_PASSWORD: secrets.nightly, FORGE_TOKEN: secrets.forge },
    },
    listen: { host: "127.0.0.1", port: 0 },
    log: () => {},
  });
  const server = await startServer(options);
  ends.push(() => server.stop());
  const origin = server.url;
  await deliver(origin, secrets.webhook, secrets.delivered);
  const adminToken = (await readFile(at("data/admin-token"), "utf8")).trim();
  const login = await fetch(`${origin}/auth/token`, {
    method: "POST",
    headers: { origin, "content-type": "application/json" },
    body: JSON.stringify({ token: adminToken }),
  });
  const cookie = login.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const session = cookie.slice(cookie.indexOf("=") + 1);
  const { run, ...ofPeople } = seeded;
  return {
    ...{ origin, cookie, adminToken, readerToken: ofPeople.token, run },
    secrets: { ...secrets, ...ofPeople, adminToken, session },
  };
}

/** Fills a database with something of everything. */
async function seed(
  db: Database,
  data: string,
): Promise<{ readonly token: string; readonly personSession: string; readonly run: string }> {
  await migrate(db, migrations);
  const now = new Date();
  const runs = await openRunDatabase(db, { objects: openObjects(data), spool: join(data, "spool") });
  const queue = openQueue(db);
  const worker = startWorker(db, { queue });
  const about = {
    repo: "https://git.example.com/cncf/apisnoop",
    ref: "refs/heads/main",
    commit: "c".repeat(40),
  };
  const { id: run } = await ask(db, { job: "push-snoopdb", author: hurtful.slice(0, 40), ...about });
  const { attempt } = await worker.taken(run);
  const head = { verb: "build", by: "Ann <ann@example.com>", subject: hurtful };
  const record = await runs.start({
    ...{ id: run, attempt, job: "push-snoopdb", type: "postsubmit", head, refs: undefined },
  });
  record.log(`begins\n${hurtful}\n`);
  await record.finish({ result: "FAILURE" });
  worker.finish(run, { result: "FAILURE", details: { summary: hurtful } });
  const ended = await untilState(queue, run, "ended");
  await worker.stop();
  await ask(db, { job: "nightly", key: "held", held: hurtful, ...about });
  await ask(db, { job: "nightly", key: "waits", ...about });
  await runs.release();

  const identity = { provider: "sso", issuer: "https://sso.example.com", subject: "17", login: "ann" };
  const person = await keepPerson(db, { ...identity, shown: hurtful, groups: ["example/ci", hurtful] }, now);
  const personSession = await beginSession(db, { person }, now);
  const endsAt = new Date(now.getTime() + 3 * 24 * 3_600_000);
  const { token, record: kept } = await issueToken(
    db,
    { name: "ci of org/repo", role: "reader", jobs: ["nightly"], endsAt, madeBy: hurtful },
    now,
  );
  for (const [act, subject] of [
    ["token.issue", `token/${kept.id}`],
    ["run.abort", `run/${run}`],
    ["remote.look", `remote/${hurtful}`],
  ] as const) {
    const who = { kind: "person", id: person, name: hurtful } as const;
    await db.transaction((sql) =>
      appendAudit(sql, { act, subject, who, before: { hurtful }, after: { long: hurtful.repeat(20) } }, now),
    );
  }
  await db.query(
    `INSERT INTO remote (repository, what, url, due_at, looked_at, failures, failure, unread_since)
     VALUES ('a', 'refs', $1, $2, $2, 3, $3, $2), ('a', 'pulls', $1, $2, NULL, 0, NULL, NULL)`,
    [about.repo, now, { code: "unreachable", message: hurtful }],
  );
  await db.query(
    `INSERT INTO remote_hook (repository, url, due_at, trouble, hint, trouble_since, looked_at, failed, failed_at)
     VALUES ('a', $1, $2, $3, 'switch it on', $2, $2, 2, $2)`,
    [about.repo, now, hurtful],
  );
  await db.transaction((sql) => noteRunEnd(sql, ended as QueuedRun));
  const receivers = { receivers: [], rules: [{ name: "all", to: ["chat"] }] };
  await tellChanges(db, queue, receivers, now);
  await db.query("UPDATE notification SET state = 'failed', failure = $1, attempts = 9, ended_at = $2", [
    hurtful,
    now,
  ]);
  const hosts = openHostStates(db);
  hosts.heard({
    type: "request",
    host: "registry.example.com",
    method: "PUT",
    kind: "manifest-put",
    status: 429,
    milliseconds: 9,
  });
  hosts.heard({
    ...{ type: "waiting", host: "registry.example.com", milliseconds: 900, reason: "status 429" },
    requestsPerSecond: 7.25,
  });
  hosts.heard({ type: "credential", host: "registry.example.com", source: "registry-password" });
  hosts.heard({
    type: "away",
    host: "away.example.com",
    failure: { code: "x", message: hurtful },
    waiting: 1,
  });
  await hosts.write();
  const lost = openProcessEntry({
    ...{ db, version: "0.0.0", roles: new Set(["worker"] as const), address: "127.0.0.1:1" },
    whyUnready: async () => hurtful,
  });
  await lost.tell(false);
  await db.query("UPDATE server_process SET seen_at = now() - interval '1 hour'");
  return { token, personSession, run };
}

/** A delivery of a forge that writes its address with somebody's password. */
async function deliver(origin: string, secret: string, password: string): Promise<void> {
  const url = `https://bob:${password}@git.example.com/cncf/apisnoop.git`;
  const body = JSON.stringify({ ref: "refs/heads/main", repository: { clone_url: url, html_url: url } });
  const answer = await fetch(`${origin}/webhooks/forge`, {
    method: "POST",
    headers: {
      ...{ "content-type": "application/json", "x-gitea-event": "push", "x-gitea-delivery": "1" },
      "x-gitea-signature": createHmac("sha256", secret).update(body).digest("hex"),
    },
    body,
  });
  if (answer.status !== 202) throw new Error(`a delivery was answered with ${answer.status}`);
}
