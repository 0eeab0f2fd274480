import { expect, it } from "vitest";
import { recordLook, recordTraffic } from "../../src/production/index.ts";
import { hours, lookAt, place, trouble } from "../production/looks.ts";
import { digestFor } from "../promotion/world.ts";
import { describeDatabases, type TestDatabases } from "../support/databases.ts";
import { serverMigrations, serverWorld } from "./server-world.ts";

const jobs = `jobs:
- name: verify
  repo: ${place.repo}
  clock: { cron: "0 */4 * * *", ref: main }
  verify: { manifests: ${place.path} }
- name: promote
  repo: ${place.repo}
  on: { branch: ^main$ }
  promote: { manifests: ${place.path} }
`;
const alpha = { app: { a1: ["v1"], a2: ["v2"] } };

async function worldAt(databases: TestDatabases, hour: number) {
  const db = await databases.open(serverMigrations);
  const { ask } = await serverWorld(db, { jobs, parts: { now: () => hours(hour) } });
  const read = (path: string) => ask(path, { as: "reader" });
  return {
    db,
    read,
    get: async (path: string) => (await (await read(path)).json()) as { items: object[]; next?: string },
  };
}

describeDatabases((databases) => {
  it("gives projects by mirrors, and says when nobody has looked for too long", async () => {
    const { db, get, read } = await worldAt(databases, 5);
    const troubles = [trouble(0, "alpha/app", "a1", "v1", "missing")];
    const look = lookAt({ alpha }, { run: "77", job: "verify", troubles, manifestErrors: 3 });
    await recordLook(db, look);
    const { items } = await get("/production");
    expect(items).toMatchObject([
      {
        ...{
          project: "alpha",
          repo: place.repo,
          path: place.path,
          images: 2,
          edges: 6,
          there: 5,
          missing: 1,
        },
        ...{ health: "missing", run: "77", job: "verify", lookedAt: hours(0).toISOString(), isStale: false },
        mirrors: [
          { mirror: "asia.example", health: "there", edges: 2, off: {} },
          { mirror: "eu.example", health: "missing", off: { missing: 1 }, offSince: hours(0).toISOString() },
          { mirror: "us.example", health: "there" },
        ],
      },
    ]);
    expect((await get("/production/trees")).items).toMatchObject([
      {
        ...place,
        run: "77",
        intervalSeconds: 14_400,
        intervalOf: "verify",
        manifestErrors: 3,
        isStale: false,
      },
    ]);
    const csv = await (await read("/production?format=csv")).text();
    expect(csv.split("\r\n")[1]).toContain("alpha");
  });

  it("gives a project of two branches once for each, also where a page ends between them", async () => {
    const { db, get } = await worldAt(databases, 1);
    await recordLook(db, lookAt({ alpha }, { run: "1" }));
    const release = { ...place, ref: "refs/heads/release-1" };
    await recordLook(db, lookAt({ alpha }, { run: "2", place: release }));
    const first = await get("/production?limit=1");
    const second = await get(`/production?limit=1&after=${encodeURIComponent(first.next ?? "")}`);
    expect([...first.items, ...second.items]).toMatchObject([{ ref: place.ref }, { ref: release.ref }]);
  });

  it("is stale when the clock of its job has come round without a look, or its manifests cannot be read", async () => {
    const { db, get } = await worldAt(databases, 6);
    await recordLook(db, lookAt({ alpha, beta: { x: { b1: ["v1"] } } }, { run: "1" }));
    const staleness = async () => {
      const { items } = await get("/production");
      return items.map((item) => "isStale" in item && item.isStale);
    };
    expect(await staleness()).toEqual([true, true]);
    await recordLook(db, lookAt({ alpha }, { run: "2", began: hours(1), unreadable: ["beta"] }));
    expect(await staleness()).toEqual([false, true]);
  });

  it("lists the images of a project and all drift by pages and filters", async () => {
    const { db, get, read } = await worldAt(databases, 1);
    const failure = { code: "unreachable", message: "it is away", hint: "wait for it", host: "eu.example" };
    const troubles = [
      trouble(0, "alpha/app", "a1", "v1", "unread", { failure }),
      trouble(1, "alpha/app", "a2", "v2", "elsewhere", { current: digestFor("x") }),
    ];
    await recordLook(db, lookAt({ alpha }, { run: "5", troubles }));
    const both = [...troubles, trouble(2, "alpha/app", "a2", "v2", "unread")];
    const images = await get("/production/projects/alpha/images?limit=1");
    expect(images.items).toMatchObject([{ name: "app", tags: ["v2"], health: "elsewhere", run: "5" }]);
    const rest = await get(
      `/production/projects/alpha/images?limit=1&after=${encodeURIComponent(images.next ?? "")}`,
    );
    expect(rest).toMatchObject({ items: [{ tags: ["v1"], health: "unread" }] });
    expect(rest.next).toBeUndefined();
    const drift = await get("/production/drift?limit=1");
    expect(drift.items).toMatchObject([
      {
        ...{ project: "alpha", health: "elsewhere", tags: ["v2"], mirrors: ["us.example"], foundBy: "5" },
        ...{ current: digestFor("x"), since: hours(0).toISOString() },
      },
    ]);
    const second = await get(`/production/drift?limit=1&after=${drift.next}`);
    expect(second.items).toMatchObject([
      { health: "unread", why: "it is away", wayOut: "wait for it", host: "eu.example" },
    ]);
    const filtered = await get("/production/drift?state=unread&mirror=eu.example&search=v1");
    expect(filtered.items).toHaveLength(1);
    for (const query of ["after=xyz", "state=green", `after=${Buffer.from("[1]").toString("base64url")}`]) {
      expect((await read(`/production/drift?${query}`)).status).toBe(400);
    }
    await recordLook(db, lookAt({ alpha }, { run: "6", began: hours(0.5), troubles: both }));
    expect((await get("/production/drift")).items).toHaveLength(3);
    expect((await get("/production/drift?mirror=asia.example")).items).toMatchObject([{ health: "unread" }]);
    expect((await get("/production/drift?state=known")).items).toMatchObject([{ health: "elsewhere" }]);
    expect((await get("/production/projects/no%20such/images")).items).toEqual([]);
  });

  it("gives what was promoted and what was asked of hosts over time", async () => {
    const { db, get } = await worldAt(databases, 1);
    await recordLook(db, lookAt({ alpha }, { promoted: { images: 2, edges: 6 } }));
    expect((await get("/production/history?grain=hour")).items).toMatchObject([
      { looks: 1, edges: 6, there: 6, promotedImages: 2, promotedEdges: 6 },
    ]);
    const host = {
      requests: { manifest: 3 } as object,
      faults: { "rate-limited": 1 },
      waited: 9,
      bytesRead: 1,
    };
    const traffic = { hosts: { "eu.example": { ...host, bytesSent: 2 } } };
    await recordTraffic(db, { run: "1", attempt: 1, ended: hours(0), traffic });
    expect((await get("/hosts")).items).toMatchObject([
      { host: "eu.example", requests: 3, refused: 1, waited: 9, bytesRead: 1, bytesSent: 2 },
    ]);
    const samples = await get("/hosts/traffic?grain=hour&host=eu.example,us.example");
    expect(samples.items).toMatchObject([{ host: "eu.example", at: hours(0).toISOString() }]);
  });
});
