import { expect, test } from "vitest";
import { openMatrixWriter } from "../../src/matrix/index.ts";
import type { Plan } from "../../src/promotion/index.ts";
import { planOf } from "../matrix/plan.ts";
import { ask, startWorker } from "../queue/support.ts";
import { usePglite } from "../support/databases.ts";
import { type ServerWorld, serverMigrations, serverWorld } from "./server-world.ts";

const databases = usePglite();

/** A run of which a plan is known. */
async function planned(served: ServerWorld, plan: Plan): Promise<string> {
  const { id } = await ask(served.db, { job: "promote", kind: "promote", key: "promote" });
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

test("what there is nothing of is said so", async () => {
  const served = await serverWorld(await databases.open(serverMigrations), {
    access: { anonymousReading: false },
  });
  const id = await planned(served, planOf({ images: 1, mirrors: 1, conflictEach: 9 }));
  const { id: other } = await ask(served.db, { job: "other", kind: "promote" });
  const at = async (path: string) => (await served.ask(path, { as: "reader" })).status;
  expect(await at(`/runs/${other}/promotion`)).toBe(404);
  expect(await at(`/runs/${id}/promotion/rows/1`)).toBe(404);
  expect(await at(`/runs/${id}/promotion/rows?mirror=nowhere`)).toBe(404);
  expect(await at(`/runs/${id}/promotion/rows?state=green`)).toBe(400);
  expect(await at(`/runs/${id}/promotion/rows?after=1`)).toBe(400);
  expect(await at(`/runs/${id}/promotion/edges?stat=failed`)).toBe(400);
  for (const path of ["", "/rows", "/edges", "/rows/0", "/count"]) {
    expect((await served.ask(`/runs/${id}/promotion${path}`)).status).toBe(401);
  }
});
