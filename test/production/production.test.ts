import { expect, it } from "vitest";
import { type Database, migrate } from "../../src/database/index.ts";
import { edgesOf } from "../../src/edges/index.ts";
import {
  askedOf,
  driftPlace,
  hostHistory,
  listAskedImages,
  listDrift,
  listHosts,
  listProjects,
  listTrees,
  productionHistory,
  productionMigrations,
  recordLook,
  recordTraffic,
} from "../../src/production/index.ts";
import { digestFor, manifestOf } from "../promotion/world.ts";
import { describeDatabases } from "../support/databases.ts";
import { first, hours, lookAt, mirrors, place, trouble } from "./looks.ts";

const away = {
  code: "unreachable",
  message: "asia.example cannot be reached",
  hint: "look at its network",
  host: "asia.example",
};
const two = { alpha: { app: { a1: ["v1.9.0"], a2: ["v1.10.0", "latest"] } }, beta: { tool: { b1: [] } } };

/** What stands in each cell, in words. */
async function cellsOf(db: Database): Promise<Record<string, string>> {
  const shown: Record<string, string> = {};
  for (const { project, cells } of await listProjects(db)) {
    for (const { mirror, edges, counts } of cells) {
      const off = Object.entries(counts).filter(([, count]) => count > 0);
      shown[`${project} ${mirror}`] = [edges, ...off.map(([health, count]) => `${count} ${health}`)].join(
        " ",
      );
    }
  }
  return shown;
}

/** How often each row of a table was written, so that it shows what was not. */
async function versionsOf(db: Database, table: string): Promise<string> {
  const rows = await db.query<{ xmin: string }>(`SELECT xmin::text, ctid::text FROM ${table} ORDER BY ctid`);
  return JSON.stringify(rows);
}

describeDatabases((databases) => {
  const open = () => databases.open(productionMigrations);

  it("knows of each edge how it is, and says of all else that it is there", async () => {
    const db = await open();
    const current = digestFor("other");
    await recordLook(
      db,
      lookAt(two, {
        troubles: [
          trouble(0, "alpha/app", "a2", "latest", "elsewhere", { current }),
          trouble(1, "alpha/app", "a1", "v1.9.0", "missing"),
          trouble(2, "alpha/app", "a2", null, "incomplete"),
          trouble(2, "beta/tool", "b1", null, "unread", { failure: away }),
        ],
        isDeep: true,
      }),
    );
    expect(await cellsOf(db)).toEqual({
      "alpha asia.example": "3 2 damaged",
      "alpha eu.example": "3 1 elsewhere",
      "alpha us.example": "3 1 missing",
      "beta asia.example": "1 1 unread",
      "beta eu.example": "1",
      "beta us.example": "1",
    });
    const [alpha, beta] = await listProjects(db);
    expect(alpha).toMatchObject({ project: "alpha", images: 2, edges: 9, lookedAt: first, job: "verify" });
    expect(beta?.cells).toMatchObject([
      { mirror: "asia.example", registry: "asia.example/prod/beta", offSince: undefined, unreadSince: first },
      { mirror: "eu.example", unreadSince: undefined },
      { mirror: "us.example" },
    ]);
    const images = await listAskedImages(db, { project: "alpha", limit: 10 });
    expect(images.map(({ tags }) => tags)).toEqual([["v1.10.0", "latest"], ["v1.9.0"]]);
    expect(images[0]).toMatchObject({
      ...{ name: "app", digest: digestFor("a2"), source: "staging.example/alpha/app" },
      at: "images/alpha/images.yaml:8:1",
      mirrors: ["asia.example", "eu.example", "us.example"],
    });
    expect(images[0]?.troubles).toMatchObject([
      { health: "elsewhere", mirrors: ["eu.example"], tags: ["latest"], current, since: first },
      { health: "damaged", trouble: "incomplete", mirrors: ["asia.example"], tags: [] },
    ]);
    expect(await askedOf(db, digestFor("b1"))).toMatchObject([
      {
        ...place,
        ...{ project: "beta", mirror: "asia.example", destination: "asia.example/prod/beta/tool" },
        health: "unread",
        troubles: [{ cause: away }],
        lookedAt: first,
      },
      { mirror: "eu.example", health: "there", troubles: [] },
      { mirror: "us.example", health: "there" },
    ]);
  });

  it("writes nothing of what is found the same again, but that it was looked at", async () => {
    const db = await open();
    const troubles = [trouble(2, "beta/tool", "b1", null, "unread", { failure: away })];
    await recordLook(db, lookAt(two, { troubles }));
    const before = await Promise.all(
      ["production_image", "production_cell", "production_cause"].map((table) => versionsOf(db, table)),
    );
    const again = { ...away, message: "asia.example cannot be reached" };
    await recordLook(
      db,
      lookAt(two, {
        began: hours(1),
        troubles: [trouble(2, "beta/tool", "b1", null, "unread", { failure: { ...again } })],
      }),
    );
    const after = await Promise.all(
      ["production_image", "production_cell", "production_cause"].map((table) => versionsOf(db, table)),
    );
    expect(after).toEqual(before);
    expect((await listProjects(db)).map(({ lookedAt }) => lookedAt)).toEqual([hours(1), hours(1)]);
    expect((await listDrift(db, { limit: 10 }))[0]?.troubles[0]?.since).toEqual(first);
  });

  it("keeps since when something is so, and forgets it when it is as asked", async () => {
    const db = await open();
    const missing = trouble(0, "alpha/app", "a1", "v1.9.0", "missing");
    await recordLook(db, lookAt(two, { troubles: [missing] }));
    const failed = { ...missing, trouble: "failed", failure: { ...away, host: "eu.example" } } as const;
    await recordLook(db, lookAt(two, { began: hours(1), troubles: [failed] }));
    expect((await listDrift(db, { limit: 10 }))[0]?.troubles).toMatchObject([
      { trouble: "failed", since: first, cause: { code: "unreachable", host: "eu.example" } },
    ]);
    const elsewhere = { ...missing, trouble: "elsewhere", current: digestFor("x") } as const;
    await recordLook(db, lookAt(two, { began: hours(2), troubles: [elsewhere] }));
    expect((await listDrift(db, { limit: 10 }))[0]?.troubles).toMatchObject([
      { trouble: "elsewhere", since: hours(2) },
    ]);
    await recordLook(db, lookAt(two, { began: hours(3) }));
    expect(await listDrift(db, { limit: 10 })).toEqual([]);
    expect(await db.query("SELECT 1 FROM production_cause")).toEqual([]);
  });

  it("a look at tags alone says nothing of what is in the images", async () => {
    const db = await open();
    const corrupt = trouble(0, "alpha/app", "a1", null, "corrupt");
    await recordLook(db, lookAt(two, { isDeep: true, troubles: [corrupt] }));
    await recordLook(
      db,
      lookAt(two, { began: hours(1), troubles: [trouble(1, "alpha/app", "a1", "v1.9.0", "missing")] }),
    );
    expect((await listDrift(db, { limit: 10 }))[0]?.troubles).toMatchObject([
      { trouble: "missing", since: hours(1) },
      { trouble: "corrupt", since: first },
    ]);
    await recordLook(db, lookAt(two, { began: hours(2), isDeep: true }));
    expect(await listDrift(db, { limit: 10 })).toEqual([]);
  });

  it("of two looks that overlap, the one that began later is believed, each for what it has looked at", async () => {
    const db = await open();
    await recordLook(db, lookAt(two, { began: first }));
    await recordLook(db, lookAt({ alpha: two.alpha }, { began: hours(3) }));
    const outcome = await recordLook(
      db,
      lookAt(two, {
        began: hours(2),
        isDeep: true,
        troubles: [
          trouble(0, "alpha/app", "a1", "v1.9.0", "missing"),
          trouble(1, "alpha/app", "a1", null, "corrupt"),
          trouble(1, "beta/tool", "b1", null, "corrupt"),
        ],
      }),
    );
    expect(outcome).toBe("recorded");
    expect(await cellsOf(db)).toEqual({
      ...{ "alpha asia.example": "3", "alpha eu.example": "3", "alpha us.example": "3 1 damaged" },
    });
    expect((await listProjects(db))[0]?.lookedAt).toEqual(hours(3));
    expect((await listProjects(db))[0]?.cells[0]?.registry).toBe("asia.example/prod/alpha");
    expect(await recordLook(db, lookAt(two, { began: hours(1) }))).toBe("older");
  });

  it("what a run was cut off before looking at stays as it was known", async () => {
    const db = await open();
    await recordLook(db, lookAt(two));
    const troubles = [trouble(0, "alpha/app", "a1", "v1.9.0", "unread")];
    const cut = lookAt(two, { began: hours(1), isWhole: false, troubles, promoted: { images: 2, edges: 6 } });
    expect(await recordLook(db, cut)).toBe("cut off");
    expect(await listTrees(db)).toMatchObject([
      { ...place, lookedAt: first, cutOff: { at: hours(1), run: cut.run } },
    ]);
    expect(await listDrift(db, { limit: 10 })).toEqual([]);
    const samples = await productionHistory(db, { grain: "day", since: hours(-24) });
    expect(samples).toMatchObject([{ looks: 1, promotedImages: 2, promotedEdges: 6, edges: 12 }]);
  });

  it("a project whose manifests cannot be read is known as it was, and says so; one that is gone is gone", async () => {
    const db = await open();
    await recordLook(db, lookAt({ ...two, gamma: { x: { g1: ["v1"] } } }));
    await recordLook(db, lookAt({ alpha: two.alpha }, { began: hours(1), unreadable: ["beta"] }));
    await recordLook(db, lookAt({ alpha: two.alpha }, { began: hours(2), unreadable: ["beta"] }));
    expect(await listProjects(db)).toMatchObject([
      { project: "alpha", lookedAt: hours(2), unreadableSince: undefined },
      { project: "beta", lookedAt: first, unreadableSince: hours(1) },
    ]);
    await recordLook(db, lookAt(two, { began: hours(3) }));
    expect((await listProjects(db)).map(({ unreadableSince }) => unreadableSince)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("an attempt counts once, and one that may not write any more writes nothing", async () => {
    const db = await open();
    const look = lookAt(two, { promoted: { images: 1, edges: 3 } });
    expect(await recordLook(db, look)).toBe("recorded");
    expect(await recordLook(db, look)).toBe("counted already");
    const fence = async () => {
      throw new Error("fenced off");
    };
    await expect(recordLook(db, lookAt({}, { began: hours(1) }), fence)).rejects.toThrow("fenced off");
    expect(await listProjects(db)).toHaveLength(2);
    expect(await productionHistory(db, { grain: "hour", since: hours(-1) })).toMatchObject([
      { looks: 1, promotedImages: 1 },
    ]);
  });

  it("a tag that two lines ask for is said to be so, whoever looks", async () => {
    const db = await open();
    const images = { app: { a1: ["v1"], a2: ["v1", "v2"] } };
    const troubles = [
      trouble(0, "alpha/app", "a1", "v1", "elsewhere", { current: digestFor("a2") }),
      trouble(1, "alpha/app", "a2", "v1", "contested"),
    ];
    await recordLook(db, lookAt({ alpha: images }, { troubles, isDeep: true }));
    expect(await cellsOf(db)).toMatchObject({
      "alpha eu.example": "3 1 contested",
      "alpha us.example": "3 1 contested",
    });
  });

  it("lists drift by pages, the newest first, and by what it is, where it is and what it is called", async () => {
    const db = await open();
    const images = {
      app: Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`n${at}`, [`v${at}`]])),
    };
    const missing = Array.from({ length: 7 }, (_, at) =>
      trouble(0, "alpha/app", `n${at}`, `v${at}`, "missing"),
    );
    await recordLook(db, lookAt({ alpha: images }, { troubles: missing.slice(0, 5) }));
    const unread = trouble(1, "alpha/app", "n6", "v6", "unread", { failure: away });
    await recordLook(db, lookAt({ alpha: images }, { began: hours(1), troubles: [...missing, unread] }));
    const shown: string[] = [];
    for (let after: ReturnType<typeof driftPlace> | undefined; ; ) {
      const page = await listDrift(db, { limit: 2, after });
      const last = page.at(-1);
      if (last === undefined) break;
      shown.push(...page.map(({ tags }) => tags.join()));
      after = driftPlace(last);
    }
    expect(shown).toEqual(["v6", "v5", "v4", "v3", "v2", "v1", "v0"]);
    const tagsBy = async (filter: object) =>
      (await listDrift(db, { limit: 10, ...filter })).map(({ tags }) => tags.join());
    expect(await tagsBy({ healths: ["unread"] })).toEqual(["v6"]);
    expect(await tagsBy({ mirror: "us.example" })).toEqual(["v6"]);
    expect(await tagsBy({ mirror: "nowhere" })).toEqual([]);
    expect(await tagsBy({ search: "v3" })).toEqual(["v3"]);
    expect(await tagsBy({ search: digestFor("n2").slice(0, 20) })).toEqual(["v2"]);
    expect(await tagsBy({ search: "AP" })).toHaveLength(7);
    expect(await tagsBy({ search: "%" })).toEqual([]);
    expect(await tagsBy({ project: "beta" })).toEqual([]);
  });

  it("adds up what hosts were asked for, by hours and days, once for each attempt", async () => {
    const db = await open();
    const host = { requests: { manifest: 3 }, faults: { "rate-limited": 2, timeout: 1 }, waited: 1500 };
    const traffic = { hosts: { "eu.example": { ...host, bytesRead: 5_000_000_000, bytesSent: 7 } } };
    const ended = new Date();
    for (const [run, attempt] of [
      ["1", 1],
      ["1", 1],
      ["1", 2],
      ["2", 1],
    ] as const) {
      await recordTraffic(db, { run, attempt, ended, traffic } as never);
    }
    const since = new Date(ended.getTime() - 48 * 3_600_000);
    const counts = { runs: 3, requests: 9, refused: 6, faults: 3, waited: 4500, bytesRead: 15_000_000_000 };
    expect(await listHosts(db, { grain: "day", since }, 10)).toMatchObject([
      { host: "eu.example", ...counts },
    ]);
    expect(await hostHistory(db, { grain: "hour", since }, ["eu.example"])).toMatchObject([counts]);
    expect(await hostHistory(db, { grain: "hour", since }, ["us.example"])).toEqual([]);
  });

  it("brings tables of before up to date: what was promoted stays, and the next look finds the rest", async () => {
    const db = await databases.open(productionMigrations.slice(0, 1));
    await db.script(`
      INSERT INTO production_tree (repo, ref, path, looked_at)
        VALUES ('${place.repo}', '${place.ref}', '${place.path}', now() + interval '1 day');
      INSERT INTO production_project (tree, project, images, edges, asked_mark, deep_mark, looked_at, run_id, job)
        VALUES (1, 'alpha', 1, 1, '', '', now(), '1', 'verify');
      INSERT INTO production_image (tree, project, place, name, digest, source, at, tags, mirrors, mark)
        VALUES (1, 'alpha', 'x', 'app', 'd', 's', 'f:1:1', '[]', '[1]', '');
      INSERT INTO production_sample (tree, grain, at, promoted_images) VALUES (1, 'day', date_trunc('day', now()), 7)`);
    await migrate(db, productionMigrations);
    expect(await recordLook(db, lookAt(two))).toBe("recorded");
    expect((await listProjects(db)).map(({ images }) => images)).toEqual([2, 1]);
    expect(await productionHistory(db, { grain: "day", since: hours(-72) })).toContainEqual(
      expect.objectContaining({ promotedImages: 7 }),
    );
  });

  it("knows several mirrors of one host by their registries", async () => {
    const db = await open();
    const look = lookAt({});
    const registries = ["one.example/a", "one.example/b", `${mirrors[0]}/x`];
    const edges = edgesOf([manifestOf("alpha", "staging.example/a", registries, { app: { a1: ["v1"] } })]);
    const missing = { digest: digestFor("a1"), tag: "v1", trouble: "missing" } as const;
    await recordLook(db, { ...look, edges, troubles: [{ ...missing, destination: "one.example/b/app" }] });
    expect(Object.keys(await cellsOf(db))).toEqual([
      ...["alpha eu.example", "alpha one.example/a", "alpha one.example/b"],
    ]);
    const found = async (mirror: string) => (await listDrift(db, { mirror, limit: 10 })).length;
    expect(await found("one.example")).toBe(1);
    expect(await found("one.example/b")).toBe(1);
    expect(await found("one.example/a")).toBe(0);
    expect(await found("one_example")).toBe(0);
  });
});
