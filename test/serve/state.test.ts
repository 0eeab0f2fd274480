import { expect, test } from "vitest";
import { hostStatesMigrations, listHostStates, openHostStates } from "../../src/serve/host-states.ts";
import { listProcesses, openProcessEntry, processesMigrations } from "../../src/serve/processes.ts";
import { destinationsOf } from "../../src/serve/state.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { describeDatabases } from "../support/databases.ts";

const start = new Date("2026-05-01T12:00:00Z");
const request = (host: string, status: number) =>
  ({ type: "request", host, method: "GET", kind: "resolve", status, milliseconds: 1 }) as const;

describeDatabases(({ open, openAgain }) => {
  test("what runs find out of hosts is kept, and added up over processes", async () => {
    const db = await open(hostStatesMigrations);
    let now = start;
    const [one, other] = [openHostStates(db, () => now), openHostStates(await openAgain(), () => now)];
    await one.write();
    expect(await listHostStates(db)).toEqual([]);
    one.heard(request("r.example", 200));
    one.heard(request("r.example", 429));
    one.heard({
      ...{ type: "waiting", host: "r.example", milliseconds: 1500, reason: "status 429" },
      requestsPerSecond: 12.5,
    });
    one.heard({ type: "credential", host: "r.example", source: "~/.docker/config.json" });
    await one.write();
    now = new Date(start.getTime() + 60_000);
    other.heard(request("r.example", 403));
    const failure = { code: "unreachable", message: "no answer" };
    other.heard({ type: "away", host: "away.example", failure, waiting: 3 });
    await other.write();
    const known = {
      ...{ host: "r.example", seenAt: now, status: 403, requests: 3, throttled: 1, throttledAt: start },
      ...{ pausedMilliseconds: 1500, learnt: { requestsPerSecond: 12.5, at: start } },
      ...{ refused: { status: 403, at: now }, away: undefined },
      credential: { source: "~/.docker/config.json", at: start },
    };
    const away = { message: "unreachable: no answer", at: now };
    expect(await listHostStates(db)).toMatchObject([{ host: "away.example", requests: 0, away }, known]);
    one.heard(request("away.example", 200));
    await one.write();
    expect((await listHostStates(db))[0]).toMatchObject({ requests: 1, away: undefined });
  });

  test("what cannot be written is kept for the next time", async () => {
    const db = await open();
    const states = openHostStates(db, () => start);
    states.heard(request("r.example", 200));
    await expect(states.write()).rejects.toThrow();
    states.heard(request("r.example", 404));
    for (const { sql } of hostStatesMigrations) await db.script(sql);
    await states.write();
    expect(await listHostStates(db)).toMatchObject([{ requests: 2, status: 404 }]);
  });

  test("processes say that they are there, that they drain, and that they end", async () => {
    const db = await open(processesMigrations);
    const roles = new Set(["web", "worker"] as const);
    const about = { db, version: "1.2.3", roles, address: "127.0.0.1:1" };
    let why: string | undefined = "the disk is full";
    const entry = openProcessEntry({ ...about, whyUnready: async () => why });
    await entry.tell(false);
    expect(await listProcesses(db)).toMatchObject([
      { version: "1.2.3", roles: ["web", "worker"], state: "running", unready: "the disk is full" },
    ]);
    why = undefined;
    await entry.tell(true);
    expect(await listProcesses(db)).toMatchObject([{ state: "draining", unready: undefined }]);
    await db.query("UPDATE server_process SET seen_at = now() - interval '1 hour'");
    expect(await listProcesses(db)).toMatchObject([{ state: "lost" }]);
    const next = openProcessEntry({ ...about, whyUnready: async () => undefined });
    await next.tell(false);
    expect(await listProcesses(db)).toMatchObject([{ state: "running" }, { state: "lost" }]);
    await db.query("UPDATE server_process SET seen_at = now() - interval '2 days' WHERE is_draining");
    await next.tell(false);
    expect(await listProcesses(db)).toHaveLength(1);
    await next.leave();
    expect(await listProcesses(db)).toEqual([]);
  });
});

test("destinations are those of the settings and those that were asked, without any secret", () => {
  const settings = {
    ...defaultSettings,
    hosts: { "r.example": { concurrency: 4, requestsPerSecond: 2 } },
    credentials: [
      { repository: "r.example/a", username: "robot", passwordFile: "/etc/secret", where: "waybill.yaml:3" },
      { repository: "ghcr.io", helper: "gh" },
    ],
    serve: { jobCredentials: { nightly: [{ repository: "r.example", identity: "aws" }] } },
  };
  expect(destinationsOf(settings, [])).toMatchObject([
    {
      ...{ host: "ghcr.io", isConfigured: true, requests: 0 },
      quotas: [{ seconds: 60, kinds: expect.arrayContaining(["manifest-put"]) }, { seconds: 60 }],
      credentials: [{ repository: "ghcr.io", kind: "helper", identity: "gh", use: "all" }],
    },
    {
      ...{ host: "r.example", limits: { concurrency: 4, requestsPerSecond: 2 } },
      quotas: [{ requests: 2, seconds: 1 }],
      credentials: [
        { kind: "password", identity: "robot", from: "/etc/secret", where: "waybill.yaml:3", use: "all" },
        { kind: "identity", identity: "aws", use: "job", job: "nightly" },
      ],
    },
  ]);
});
