import { join } from "node:path";
import { onTestFinished } from "vitest";
import {
  type AccessSettings,
  accessMigrations,
  closedAccess,
  issueToken,
  openLogins,
  openMachines,
  openProviderFetch,
  type Role,
} from "../../src/access/index.ts";
import { chatopsMigrations } from "../../src/chatops/index.ts";
import type { Database } from "../../src/database/index.ts";
import { acceptDelivery, deliveriesMigrations } from "../../src/deliveries/index.ts";
import { historyMigrations } from "../../src/history/index.ts";
import { type JobSet, parseJobs } from "../../src/jobs/index.ts";
import { matrixMigrations } from "../../src/matrix/index.ts";
import { notificationsMigrations } from "../../src/notifications/index.ts";
import { openObjects } from "../../src/objects/index.ts";
import { productionMigrations } from "../../src/production/index.ts";
import { openQueue, type Queue, queueMigrations } from "../../src/queue/index.ts";
import { reviewsMigrations } from "../../src/reviews/index.ts";
import { backupToSend } from "../../src/serve/backup.ts";
import { type App, createApp, listen, type ServerParts } from "../../src/server/index.ts";
import { openRunDatabase, type RunDatabase, storeMigrations } from "../../src/store/index.ts";
import { retryMigrations, triggersMigrations } from "../../src/triggers/index.ts";
import { temporaryFolder } from "../support/tree.ts";

/** The tables that a server needs. */
export const serverMigrations = [
  ...queueMigrations,
  ...storeMigrations,
  ...deliveriesMigrations,
  ...triggersMigrations,
  ...retryMigrations,
  ...accessMigrations,
  ...notificationsMigrations,
  ...chatopsMigrations,
  ...reviewsMigrations,
  ...matrixMigrations,
  ...historyMigrations,
  ...productionMigrations,
  ...chatopsMigrations,
  ...reviewsMigrations,
];

export const jobFile = `jobs:
- name: push-snoopdb
  repo: https://github.com/cncf/apisnoop
  on: { branch: ^main$ }
  build: { dir: images/snoopdb, project: k8s-staging-apisnoop }
  rerun: { users: [ann] }
- name: nightly
  repo: https://github.com/cncf/apisnoop
  clock: { cron: "0 7 * * *", ref: main }
  build: { dir: images/snoopdb, project: k8s-staging-apisnoop }
- name: wrong
  repo: https://github.com/cncf/apisnoop
`;

/** What a server knows of itself that nothing was told. */
export const servedNothing: ServerParts["state"] = {
  server: async () => ({
    database: { kind: "pglite", version: "17.0", bytes: 0, migrations: [] },
    records: { retention: [] },
    ...{ concurrency: 1, capacities: {}, drainSeconds: 0, graceSeconds: 60, processes: [] },
  }),
  destinations: async () => [],
  receivers: async () => [],
};

/** A server that listens, with real parts below it. */
export interface ServerWorld {
  readonly origin: string;
  readonly host: string;
  readonly db: Database;
  readonly queue: Queue;
  readonly runs: RunDatabase;
  readonly problems: unknown[];
  readonly stopping: AbortController;
  /** Asks the API: a path below /api/v1, with a token for a role. */
  ask(
    path: string,
    init?: Omit<RequestInit, "body"> & { readonly as?: Role; readonly body?: unknown },
  ): Promise<Response>;
  /** Asks for something at any path. */
  at(path: string, init?: RequestInit): Promise<Response>;
  token(role: Role, jobs?: readonly string[]): Promise<string>;
}

/** What a test may have otherwise. */
export interface WorldOptions {
  readonly access?: Partial<AccessSettings>;
  readonly parts?: Partial<ServerParts>;
  readonly publicUrl?: (origin: string) => URL;
  readonly jobs?: string;
  /** What answers in place of the API, over it. */
  readonly serve?: (api: App, publicUrl: URL) => App;
  /** What has to be there before the server answers, and has to know where it is. */
  readonly prepare?: (publicUrl: URL) => Promise<void>;
}

export async function serverWorld(db: Database, options: WorldOptions = {}): Promise<ServerWorld> {
  const folder = await temporaryFolder("server");
  onTestFinished(folder.remove);
  const queue = openQueue(db);
  const runs = await openRunDatabase(db, {
    objects: openObjects(join(folder.path, "objects")),
    spool: join(folder.path, "spool"),
  });
  const { fetch: ask, close } = openProviderFetch({ environment: {} });
  onTestFinished(close);
  const settings = { ...closedAccess, ...options.access };
  const list = parseJobs(options.jobs ?? jobFile, "jobs/all.yaml");
  const set: JobSet = {
    ...{ where: "jobs", commit: undefined, jobs: list.jobs, diagnostics: list.diagnostics },
    ...{ problems: [], trouble: undefined },
  };
  const problems: unknown[] = [];
  const stopping = new AbortController();
  const now = options.parts?.now ?? (() => new Date());
  // What it is known by is known once it listens.
  const late: App = { fetch: (request, address) => app.fetch(request, address) };
  const server = await listen(late, { host: "127.0.0.1", port: 0 });
  const origin = `http://${server.address}`;
  const publicUrl = options.publicUrl?.(origin) ?? new URL(origin);
  await options.prepare?.(publicUrl);
  const logins = openLogins({
    ...{ providers: settings.providers, publicUrl, fetch: ask, now },
    environment: { SECRET: "s3cret" },
  });
  const api = createApp({
    ...{ version: "0.0.0", db, queue, runs, publicUrl },
    archives: [],
    jobs: {
      current: () => set,
      areKnown: () => true,
      ownersOf: async () => [],
      accept: async () => {},
      readNow: async () => {},
    },
    access: { settings, logins, machines: openMachines(settings.machines, ask, now) },
    webhooks: {
      sources: [{ name: "forge", secrets: ["It's a Secret to Everybody"] }],
      accept: (delivery) => acceptDelivery(db, delivery),
    },
    trustedProxies: [],
    state: servedNothing,
    previewOf: async () => [],
    backUp: () => backupToSend(db, join(folder.path, "backups")),
    withRegistries: async () => {
      throw new Error("no registry is reached by this test");
    },
    promotionOf: async () => ({ state: "unknown", text: "nobody knows" }),
    whyUnready: async () => undefined,
    onProblem: (error) => void problems.push(error),
    stopping: stopping.signal,
    ...options.parts,
  });
  const app = options.serve?.(api, publicUrl) ?? api;
  onTestFinished(async () => {
    stopping.abort();
    await server.close(1_000);
    await runs.release();
  });
  const token = async (role: Role, jobs?: readonly string[]) => {
    const endsAt = new Date(now().getTime() + 3_600_000);
    const request = { name: `a ${role}`, role, jobs, endsAt, madeBy: "a test" };
    return (await issueToken(db, request, now())).token;
  };
  const tokens = new Map<Role, string>();
  const at: ServerWorld["at"] = (path, init) => fetch(`${origin}${path}`, { redirect: "manual", ...init });
  return {
    ...{ origin, host: new URL(origin).host, db, queue, runs, problems, stopping, at, token },
    async ask(path, { as, body, ...init } = {}) {
      const headers = new Headers(init.headers);
      if (as !== undefined) {
        const known = tokens.get(as) ?? (await token(as));
        tokens.set(as, known);
        headers.set("authorization", `Bearer ${known}`);
      }
      if (body !== undefined) headers.set("content-type", "application/json");
      const text = body === undefined ? null : JSON.stringify(body);
      return at(`/api/v1${path}`, { method: text === null ? "GET" : "POST", ...init, headers, body: text });
    },
  };
}
