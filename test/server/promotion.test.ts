import { expect, test } from "vitest";
import { openMatrixWriter } from "../../src/matrix/index.ts";
import type { Plan } from "../../src/promotion/index.ts";
import { planOf } from "../matrix/plan.ts";
import { ask, startWorker } from "../queue/support.ts";
import { edgesOf } from "../reviews/a-review.ts";
import { keepMerged } from "../reviews/merged-pull.ts";
import { usePglite } from "../support/databases.ts";
import { type ServerWorld, serverMigrations, serverWorld } from "./server-world.ts";

const databases = usePglite();
const repo = "https://github.com/org/images";

/** A run of which a plan is known. */
async function planned(served: ServerWorld, plan: Plan, repo?: string): Promise<string> {
  const { id } = await ask(served.db, { job: "promote", kind: "promote", key: "promote", repo });
  const worker = startWorker(served.db, { queue: served.queue });
  const { attempt } = await worker.taken(id);
  await served.runs.start({ id, attempt, job: "promote", type: "periodic" });
  await openMatrixWriter(served.db, { id, attempt }, (error) => served.problems.push(error)).plan(
    plan,
    "plan",
  );
  worker.finish(id);
  await worker.stop();
  return id;
}

const json = async (answer: Response) =>
  (await answer.json()) as Record<string, never> & {
    items: { at: number; name: string; cells: string; state: string }[];
    next?: string;
  };

test("a promotion is told by its sums, rows and edges, by pages and filters", async () => {
  const served = await serverWorld(await databases.open(serverMigrations));
  const id = await planned(served, planOf({ images: 30, mirrors: 3, conflictEach: 10 }));
  const at = (path: string) => served.ask(`/runs/${id}/promotion${path}`, { as: "reader" });
  const head = await json(await at(""));
  expect(head).toMatchObject({
    ...{
      run: id,
      kind: "plan",
      rows: 30,
      isDry: true,
      isWhole: true,
      projects: ["project-0", "project-1", "project-2"],
    },
    counts: { pending: 81, conflict: 9 },
    causes: [
      { state: "conflict", count: 3, hint: expect.stringContaining("tag of its own") as string },
      {},
      {},
    ],
  });
  const seen: number[] = [];
  let after = "";
  do {
    const page = await json(await at(`/rows?limit=13${after === "" ? "" : `&after=${after}`}`));
    seen.push(...page.items.map((item) => item.at));
    after = page.next ?? "";
  } while (after !== "");
  expect(seen).toEqual(Array.from({ length: 30 }, (_, number) => number));
  const worst = await json(await at("/rows?order=worst&limit=2"));
  expect(worst.items.map(({ cells }) => cells)).toEqual(["xxx", "xxx"]);
  const last = await json(await at(`/rows?order=worst&limit=2&after=${worst.next}`));
  expect(last.items.map(({ cells }) => cells)).toEqual(["xxx", "ppp"]);
  expect(await json(await at("/count?state=problem"))).toEqual({ rows: 3 });
  expect(await json(await at("/count?project=project-1"))).toEqual({ rows: 10 });
  expect(await json(await at("/count?image=IMAGE-7"))).toEqual({ rows: 1 });
  const skipped = await json(await at("/rows?skip=28&state=pending,conflict"));
  expect(skipped.items.map((item) => item.at)).toEqual([28, 29]);
  expect((await json(await at("/rows/3"))) as object).toMatchObject({
    ...{ at: 3, source: "staging.example.com/project-0/image-18" },
    repositories: ["mirror-0.example.com/prod/project-0/image-18", expect.any(String), expect.any(String)],
  });
  const edges: string[] = [];
  let next = "";
  do {
    const page = await json(await at(`/edges?order=worst&limit=7${next === "" ? "" : `&after=${next}`}`));
    edges.push(...page.items.map(({ state }) => state));
    next = page.next ?? "";
  } while (next !== "");
  expect(edges).toEqual([...Array(9).fill("conflict"), ...Array(81).fill("pending")]);
  const csv = await (await at("/edges?state=conflict&mirror=mirror-1.example.com/prod&format=csv")).text();
  expect(csv.split("\r\n")).toHaveLength(5);
  expect(csv).toMatch(/conflict,.*registry\/images\/project-0\/images.yaml:/);
});

test("what goes on is told while the attempt that has told it runs, and is cut off after that", async () => {
  const served = await serverWorld(await databases.open(serverMigrations));
  const { id } = await ask(served.db, { job: "promote", kind: "promote", key: "promote" });
  const worker = startWorker(served.db, { queue: served.queue });
  const { attempt } = await worker.taken(id);
  await served.runs.start({ id, attempt, job: "promote", type: "periodic" });
  const head = async () => await json(await served.ask(`/runs/${id}/promotion`, { as: "reader" }));
  const plan = planOf({ images: 3, mirrors: 1, conflictEach: 9 });
  const writes = (of: number) =>
    openMatrixWriter(served.db, { id, attempt: of }, (error) => served.problems.push(error));
  await writes(attempt - 1).plan(plan, "promotion");
  expect(await head()).toMatchObject({ isWhole: false, isCutOff: true, state: "running" });
  expect(await head()).not.toHaveProperty("now");
  await writes(attempt).plan(plan, "promotion");
  expect(await head()).toMatchObject({ isWhole: false, isCutOff: false, now: { sent: 0 } });
  expect(await head()).not.toHaveProperty("attempt");
  worker.finish(id);
  await worker.stop();
  expect(await head()).toMatchObject({ isWhole: false, isCutOff: true, state: "ended" });
  expect(await head()).not.toHaveProperty("now");
});

test("what a promotion does is told beside what was approved of it", async () => {
  const served = await serverWorld(await databases.open(serverMigrations));
  const id = await planned(served, planOf({ images: 30, mirrors: 3, conflictEach: 10 }));
  const at = (path: string) => served.ask(`/runs/${id}/promotion${path}`, { as: "reader" });
  expect(await json(await at("/approval"))).toMatchObject({
    ...{ run: id, pulls: [], isWhole: true, why: "nobody says which repository its manifests are in" },
    edges: { approved: 0, unapproved: 81, left: 0 },
  });
  const other = await planned(served, planOf({ images: 30, mirrors: 3, conflictEach: 10 }), repo);
  const review = await planned(served, planOf({ images: 20, mirrors: 4, conflictEach: 10 }), repo);
  expect(((await json(await at("/approval"))) as { why?: string }).why).toContain("nobody says");
  const ofOther = (path: string) => served.ask(`/runs/${other}/promotion${path}`, { as: "reader" });
  expect(await json(await ofOther("/approval"))).toMatchObject({
    why: expect.stringContaining("no merged pull request of its repository was seen here") as string,
  });
  await keepMerged(served.db, { url: repo, number: 7, run: review, at: new Date("2020-11-29T10:00:00Z") });
  const sums = await json(await ofOther("/approval"));
  expect(sums).toMatchObject({
    pulls: [{ number: 7, run: review, by: ["pam"], isAtCommit: false, isPlanKept: true }],
    edges: { approved: 54, unapproved: 27, left: 18 },
  });
  expect(sums).not.toHaveProperty("why");
  const seen: (readonly [string, string, string | undefined])[] = [];
  let after = "";
  do {
    const page = await json(await ofOther(`/approved?limit=7${after === "" ? "" : `&after=${after}`}`));
    const items = page.items as unknown as { found: string; name: string; pull?: { edgesHash: string } }[];
    seen.push(...items.map(({ found, name, pull }) => [found, name, pull?.edgesHash] as const));
    after = page.next ?? "";
  } while (after !== "");
  expect(seen.filter(([found, , hash]) => found === "approved" && hash === edgesOf("7"))).toHaveLength(18);
  expect(seen.filter(([found, , hash]) => found === "unapproved" && hash === undefined)).toHaveLength(9);
  expect(new Set(seen.map(([, name]) => name)).size).toBe(27);
  const csv = await (await ofOther("/approved?which=left&format=csv")).text();
  expect(csv.split("\r\n")).toHaveLength(20);
  expect(csv).toContain("not-listed");
  expect((await ofOther("/approved?after=1")).status).toBe(400);
  expect((await ofOther("/approved?which=some")).status).toBe(400);
});

test("what there is nothing of is said so", async () => {
  const served = await serverWorld(await databases.open(serverMigrations), {
    access: { anonymousReading: false },
  });
  const id = await planned(served, planOf({ images: 1, mirrors: 1, conflictEach: 9 }));
  const { id: other } = await ask(served.db, { job: "other", kind: "promote" });
  const at = async (path: string) => (await served.ask(path, { as: "reader" })).status;
  expect(await at(`/runs/${other}/promotion`)).toBe(404);
  expect(await at(`/runs/${other}/promotion/approval`)).toBe(404);
  expect(await at(`/runs/${other}/promotion/approved`)).toBe(404);
  expect(await at(`/runs/${id}/promotion/rows/1`)).toBe(404);
  expect(await at(`/runs/${id}/promotion/rows?mirror=nowhere`)).toBe(404);
  expect(await at(`/runs/${id}/promotion/rows?state=green`)).toBe(400);
  expect(await at(`/runs/${id}/promotion/rows?after=1`)).toBe(400);
  expect(await at(`/runs/${id}/promotion/edges?stat=failed`)).toBe(400);
  for (const path of ["", "/rows", "/edges", "/rows/0", "/count", "/approval", "/approved"]) {
    expect((await served.ask(`/runs/${id}/promotion${path}`)).status).toBe(401);
  }
});
