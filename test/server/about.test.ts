import { expect, test } from "vitest";
import { beginSession, keepPerson, listAudit } from "../../src/access/index.ts";
import { migrations } from "../../src/serve/migrations.ts";
import { servedState } from "../../src/serve/state.ts";
import type { DestinationDocument } from "../../src/server/index.ts";
import { usePglite } from "../support/databases.ts";
import { servedNothing, serverWorld, type WorldOptions } from "./server-world.ts";

const databases = usePglite();
const world = async (options?: WorldOptions) => serverWorld(await databases.open(migrations), options);
const jsonOf = async (answer: Promise<Response>) => JSON.parse(await (await answer).text());

const destination: DestinationDocument = {
  ...{ host: "r.example", isConfigured: true, limits: {}, quotas: [], requests: 3, throttled: 1 },
  ...{ pausedSeconds: 1.5, credential: { source: "/etc/place", at: "2026-05-01T12:00:00.000Z" } },
  credentials: [{ repository: "r.example", kind: "password", identity: "robot", use: "all" }],
};

test("the server says how it is to readers, and where its things are to admins alone", async () => {
  const db = await databases.open(migrations);
  const state = servedState({
    db,
    options: {
      settings: { hosts: {}, credentials: [], locations: [], destinations: {}, serve: {} },
      ...{
        notifications: { receivers: [], rules: [] },
        objects: "/var/records",
        retention: [{ maxDays: 90 }],
      },
      ...{ concurrency: 4, capacities: { big: 2 }, drain: 5_000, grace: 60_000 },
    } as never,
  });
  let why: string | undefined;
  const { ask } = await serverWorld(db, { parts: { state, whyUnready: async () => why } });
  const admin = await jsonOf(ask("/server", { as: "admin" }));
  expect(admin).toMatchObject({
    ...{ version: "0.0.0", ready: true, concurrency: 4, capacities: { big: 2 }, drainSeconds: 5 },
    database: { kind: "pglite", where: db.where, migrations: expect.arrayContaining(["queue-0001"]) },
    records: { where: "/var/records", retention: [{ maxDays: 90 }] },
    processes: [],
  });
  expect(admin.database.bytes).toBeGreaterThan(0);
  why = "the disk is full";
  const reader = await jsonOf(ask("/server", { as: "reader" }));
  expect(reader).toMatchObject({ ready: false, why: "the disk is full" });
  expect([reader.database.where, reader.records.where]).toEqual([undefined, undefined]);
  expect((await ask("/server")).status).toBe(401);
});

test("where its processes listen, and as which they run, is told to admins alone", async () => {
  const times = { begunAt: "2026-05-01T12:00:00.000Z", seenAt: "2026-05-01T12:00:00.000Z" };
  const shown = { id: "1", name: "box", version: "0.0.0", roles: ["web" as const], ...times };
  const process = { ...shown, state: "running" as const, pid: 4711, address: "10.1.2.3:8080" };
  const { ask } = await world({
    access: { anonymousReading: true },
    parts: {
      state: {
        ...servedNothing,
        server: async () => ({ ...(await servedNothing.server()), processes: [process] }),
      },
    },
  });
  expect((await jsonOf(ask("/server", { as: "admin" }))).processes).toEqual([process]);
  for (const as of [undefined, "releaser"] as const) {
    const { processes } = await jsonOf(ask("/server", as && { as }));
    expect(processes).toEqual([{ ...shown, state: "running" }]);
  }
});

test("what destinations are shown is told to admins alone, and receivers altogether", async () => {
  const { ask } = await world({
    parts: {
      state: {
        server: () => Promise.reject(new Error("nobody asks")),
        destinations: async () => [destination],
        receivers: async () => [{ name: "ops", kind: "slack", to: [], rules: ["all"], waiting: 2 }],
      },
    },
  });
  expect(await jsonOf(ask("/destinations", { as: "admin" }))).toEqual({ items: [destination] });
  const { credential, credentials, ...shown } = destination;
  expect(await jsonOf(ask("/destinations", { as: "reader" }))).toEqual({ items: [shown] });
  const csv = await (await ask("/destinations?format=csv", { as: "reader" })).text();
  expect(csv).toContain("r.example");
  expect(csv).not.toContain("/etc/place");
  expect(await jsonOf(ask("/receivers", { as: "admin" }))).toMatchObject({ items: [{ name: "ops" }] });
  expect((await ask("/receivers", { as: "releaser" })).status).toBe(403);
});

test("sessions are ended by those whose they are, and by admins", async () => {
  const { db, ask, token, at, origin } = await world();
  const person = await keepPerson(
    db,
    { provider: "sso", issuer: "https://sso", subject: "1", login: "ann", shown: "Ann", groups: [] },
    new Date(),
  );
  await beginSession(db, { person }, new Date());
  const login = await at("/auth/token", {
    method: "POST",
    headers: { origin, "content-type": "application/json" },
    body: JSON.stringify({ token: await token("reader") }),
  });
  const cookie = login.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const own = await jsonOf(at("/api/v1/sessions", { headers: { cookie } }));
  expect(own.items).toMatchObject([{ owner: { kind: "token", name: "a reader" } }]);
  const { items } = await jsonOf(ask("/sessions", { as: "admin" }));
  expect(items).toHaveLength(2);
  const ofAnn = items.find(({ owner }: { owner: { name: string } }) => owner.name === "Ann");
  const end = (id: string, headers: Record<string, string>) =>
    at(`/api/v1/sessions/${id}`, { method: "DELETE", headers: { origin, ...headers } });
  expect((await end(ofAnn.id, { cookie })).status).toBe(404);
  expect((await end(own.items[0].id, { cookie })).status).toBe(204);
  expect((await at("/api/v1/sessions", { headers: { cookie } })).status).toBe(401);
  expect((await end(ofAnn.id, { authorization: `Bearer ${await token("admin")}` })).status).toBe(204);
  expect(await jsonOf(ask("/sessions", { as: "admin" }))).toEqual({ items: [] });
  const acts = (await listAudit(db, { act: "session.end", limit: 9 })).map(({ subject }) => subject);
  expect(acts).toEqual([`session/${ofAnn.id}`, `session/${own.items[0].id}`]);
});

test("jobs are read anew when a runner asks for it", async () => {
  let reads = 0;
  const set = { where: "jobs", commit: "c".repeat(40), jobs: [], diagnostics: [], trouble: undefined };
  const problem = {
    ...{ file: "a.yaml", since: new Date(1), commit: "b".repeat(40), kept: ["a"], diagnostics: [] },
    good: { at: new Date(0), commit: "a".repeat(40) },
  };
  const { ask } = await world({
    parts: {
      jobs: {
        current: () => ({ ...set, problems: [problem] }),
        areKnown: () => true,
        ownersOf: async () => [],
        accept: async () => {},
        readNow: async () => {
          reads += 1;
        },
      },
    },
  });
  expect((await ask("/jobs/read", { as: "reader", method: "POST" })).status).toBe(403);
  expect((await ask("/jobs/read", { as: "runner", method: "POST" })).status).toBe(202);
  expect(reads).toBe(1);
  expect(await jsonOf(ask("/job-source", { as: "reader" }))).toMatchObject({
    files: [{ commit: "b".repeat(40), good: { at: "1970-01-01T00:00:00.000Z", commit: "a".repeat(40) } }],
  });
});
