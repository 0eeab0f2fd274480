import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type Database, DatabaseError } from "../../src/database/index.ts";
import {
  countMatrixRows,
  type MatrixQuery,
  matrixMigrations,
  onMatrixChange,
  openMatrixWriter,
  readMatrix,
  readMatrixRow,
  readMatrixRows,
} from "../../src/matrix/index.ts";
import { openObjects } from "../../src/objects/index.ts";
import { openRunDatabase, storeMigrations } from "../../src/store/index.ts";
import { describeDatabases } from "../support/databases.ts";
import { answer } from "../support/scripted-server.ts";
import { type Project, temporaryFolder } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";

const all: MatrixQuery = { order: "image" };
const id = "1384977461019676672";

describeDatabases((databases) => {
  let world: PromotionWorld;
  const digests: string[] = [];
  beforeAll(async () => {
    world = await openWorld();
    for (const name of ["api", "web"]) {
      digests.push((await world.stage(`app/${name}`, "v1")).root.descriptor.digest);
    }
  });
  afterAll(() => world.close());

  /** A database with the record of a run that goes on. */
  const withRun = async (): Promise<Database> => {
    const db = await databases.open([...storeMigrations, ...matrixMigrations]);
    const folder = await temporaryFolder("matrix");
    onTestFinished(folder.remove);
    const runs = await openRunDatabase(db, {
      ...{ objects: openObjects(join(folder.path, "objects")), spool: join(folder.path, "spool") },
    });
    onTestFinished(runs.release);
    await runs.start({ id, attempt: 1, job: "promote", type: "periodic" });
    return db;
  };

  const project = (one: string, other: string): Project => ({
    name: "app",
    source: `${world.staging.host}/app`,
    destinations: [`${world.production.host}/${one}`, `${world.production.host}/${other}`],
    images: { api: { [digests[0] ?? ""]: ["v1", "latest"] }, web: { [digests[1] ?? ""]: ["v1"] } },
  });

  /** Waits until the matrix in the database is as it is said to be. */
  const until = async (db: Database, is: (matrix: Awaited<ReturnType<typeof readMatrix>>) => boolean) => {
    let changed = () => {};
    const stop = await onMatrixChange(db, () => changed());
    for (;;) {
      const change = new Promise<void>((resolve) => {
        changed = resolve;
      });
      const matrix = await readMatrix(db, id);
      if (is(matrix)) {
        await stop();
        return matrix;
      }
      await change;
    }
  };

  test("a promotion is seen while it goes on, and what came of it afterwards", async () => {
    const db = await withRun();
    const problems: unknown[] = [];
    const writer = openMatrixWriter(db, { id, attempt: 1 }, (error) => problems.push(error));
    const held: ServerResponse[] = [];
    let isHeld = true;
    onTestFinished(() => world.production.interfere());
    world.production.interfere((request, url) => {
      if (request.method !== "PUT" || !url.pathname.includes("/manifests/")) return undefined;
      if (url.pathname.includes("/two/web/")) return (response) => answer(response, 403, {}, "{}");
      return isHeld ? (response) => void held.push(response) : undefined;
    });
    const promoting = world.promote([project("one", "two")], {
      listener: (event) => {
        if (event.type !== "planned" && event.type !== "left-behind" && event.type !== "manifest-put") {
          writer.listener(event);
        }
      },
      keepPlan: (plan) => writer.plan(plan, "promotion"),
    });
    const live = await until(db, (matrix) => matrix?.counts.failed === 1 && matrix.counts.copying === 5);
    expect(live).toMatchObject({
      ...{ kind: "promotion", isWhole: false, rows: 2, images: 2, present: 0, isDry: false },
      mirrors: [
        { name: `${world.production.host}/one`, counts: { copying: 3 } },
        { name: `${world.production.host}/two`, counts: { copying: 2, failed: 1 } },
      ],
      causes: [
        { state: "failed", count: 1, places: [{ at: expect.stringContaining("images.yaml:") as string }] },
      ],
      now: {
        images: expect.arrayContaining([
          {
            digest: digests[0],
            name: expect.stringMatching(/\/api:|^api:/) as string,
            destinations: expect.any(Array) as unknown,
          },
        ]) as unknown,
      },
    });
    isHeld = false;
    for (const response of held.splice(0)) response.destroy();
    const { report } = await promoting;
    await writer.report(report);
    expect(problems).toEqual([]);
    const ended = await readMatrix(db, id);
    expect(ended).toMatchObject({
      isWhole: true,
      causes: JSON.parse(JSON.stringify(report.causes)) as unknown[],
    });
    expect(ended?.now).toBeUndefined();
    expect(ended?.counts).toEqual({
      failed: report.counts.failed,
      ...(report.counts.done > 0 ? { done: report.counts.done } : {}),
    });
    const rows = await readMatrixRows(db, id, { order: "worst" }, { limit: 10 });
    expect(rows.map(({ name }) => name)).toContain("web");
    expect(await readMatrixRow(db, id, 1)).toMatchObject({ name: "web", project: "app", digest: digests[1] });
    const failed: MatrixQuery = { order: "image", states: ["failed"], mirror: 1 };
    expect((await readMatrixRows(db, id, failed, { limit: 10 })).map(({ name }) => name)).toContain("web");
    expect(await countMatrixRows(db, id, failed)).toBeGreaterThan(0);
    expect(await countMatrixRows(db, id, { ...all, search: "WEB" })).toBe(1);
    expect(await countMatrixRows(db, id, { ...all, search: (digests[0] ?? "").slice(0, 20) })).toBe(1);
    world.production.interfere();
  });

  test("what cannot be written while the database is away is written when it is back", async () => {
    const db = await withRun();
    const problems: unknown[] = [];
    const away = new DatabaseError("unreachable", "the database does not answer");
    let isAway = true;
    const outage: Pick<Database, "transaction"> = {
      transaction: (work) => (isAway ? Promise.reject(away) : db.transaction(work)),
    };
    const writer = openMatrixWriter(outage, { id, attempt: 1 }, (error) => problems.push(error));
    const { report } = await world.promote([project("eight", "nine")], {
      listener: (event) => {
        if (event.type !== "planned" && event.type !== "left-behind" && event.type !== "manifest-put") {
          writer.listener(event);
        }
      },
      keepPlan: (plan) => writer.plan(plan, "promotion"),
    });
    await writer.report(report);
    await expect(writer.close()).rejects.toBe(away);
    expect(await readMatrix(db, id)).toBeUndefined();
    isAway = false;
    await writer.close();
    expect(problems).toEqual([away]);
    const ended = await readMatrix(db, id);
    expect(ended).toMatchObject({ isWhole: true, attempt: 1, rows: 2, counts: { done: 6 } });
    expect(ended?.now).toBeUndefined();
    expect((await readMatrixRows(db, id, all, { limit: 9 })).map(({ cells }) => cells)).toEqual(["dd", "dd"]);
    isAway = true;
    await writer.close();
  });

  test("what changes while the database is away for a moment is not left out", async () => {
    const db = await withRun();
    const problems: unknown[] = [];
    let failing = 0;
    const outage: Pick<Database, "transaction"> = {
      async transaction(work) {
        failing -= 1;
        if (failing >= 0) throw new DatabaseError("unreachable", "the database does not answer");
        return db.transaction(work);
      },
    };
    const writer = openMatrixWriter(outage, { id, attempt: 1 }, (error) => problems.push(error));
    await world.promote([project("ten", "eleven")], {
      listener: (event) => {
        if (event.type === "edge-done") writer.listener(event);
      },
      keepPlan: async (plan) => {
        await writer.plan(plan, "promotion");
        failing = 4;
      },
    });
    expect(await until(db, (matrix) => matrix?.counts.done === 6)).toMatchObject({ isWhole: false });
    expect((await readMatrixRows(db, id, all, { limit: 9 })).map(({ cells }) => cells)).toEqual(["dd", "dd"]);
    expect(problems).toHaveLength(1);
    await writer.close();
  });

  test("a later attempt begins anew, and what the one before still says is not written", async () => {
    const db = await withRun();
    const plan = async (attempt: number) => {
      const writer = openMatrixWriter(db, { id, attempt }, () => undefined);
      const { report } = await world.promote([project(`three-${attempt}`, `four-${attempt}`)], {
        confirm: false,
        keepPlan: (made) => writer.plan(made, "plan"),
      });
      return { writer, report };
    };
    const first = await plan(1);
    await plan(2);
    await first.writer.report(first.report);
    const matrix = await readMatrix(db, id);
    expect(matrix?.mirrors.map(({ name }) => name)).toEqual([
      `${world.production.host}/four-2`,
      `${world.production.host}/three-2`,
    ]);
    expect(matrix).toMatchObject({ kind: "plan", isDry: true, isWhole: true, counts: { pending: 6 } });
    expect((await readMatrixRows(db, id, all, { limit: 1, skip: 1 })).map(({ at }) => at)).toEqual([1]);
    expect(await readMatrixRows(db, id, all, { limit: 9, after: { worst: 0, at: 1 } })).toEqual([]);
  });

  test("what a verification finds is a matrix of what is not as listed, and goes with the record", async () => {
    const db = await withRun();
    await world.promote([project("five", "six")]);
    await world.promote([project("five", "seven")], { confirm: false });
    const writer = openMatrixWriter(db, { id, attempt: 1 }, () => undefined);
    await writer.verification(await world.verify());
    const matrix = await readMatrix(db, id);
    expect(matrix).toMatchObject({
      ...{ kind: "verification", isWhole: true, counts: { missing: 5 }, present: 3 },
      mirrors: [{ name: `${world.production.host}/seven` }],
    });
    expect(await readMatrixRow(db, id, 0)).toMatchObject({
      ...{ project: "app", name: "api", cells: "m" },
      entries: [
        { tag: null, notes: [{ reason: "missing-image" }] },
        { tag: "latest" },
        { tag: "v1", notes: [{ reason: "missing-tag", of: [0] }] },
      ],
    });
    await db.query("DELETE FROM run_record WHERE id = $1", [id]);
    expect(await readMatrixRow(db, id, 0)).toBeUndefined();
  });
});
