import { readFileSync } from "node:fs";
import { join } from "node:path";
import pLimit from "p-limit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { testWith } from "../support/programs.ts";
import { openShapesWorld, type ShapeRun, type ShapesWorld, shapes, titleOf } from "./shapes-world.ts";

const goldenFile = join(import.meta.dirname, "shapes.golden.json");
const page = join(import.meta.dirname, "shapes.md");
const withBuildah = testWith("buildah", "bash", "git", "make", "tar");

let world: ShapesWorld;
const runs = new Map<string, Promise<ShapeRun>>();
beforeAll(async () => {
  world = await openShapesWorld();
});
afterAll(async () => {
  await Promise.allSettled(runs.values());
  await world?.close();
}, 120_000);

describe("shapes that real files have, built by Buildah", () => {
  beforeAll(() => {
    // Each is a few programs that mostly wait for the disk.
    const limit = pLimit(3);
    for (const shape of shapes) {
      const run = limit(() => world.run(shape));
      run.catch(() => undefined);
      runs.set(shape, run);
    }
  });

  for (const shape of shapes) {
    withBuildah(`${shape}: ${titleOf(shape)}`, async () => {
      expect(await runs.get(shape)).toMatchObject({ status: "success" });
    });
  }

  withBuildah("push, keep and say what is recorded", async () => {
    const said = await Promise.all([...runs].map(async ([shape, run]) => [shape, await run] as const));
    await expect(`${JSON.stringify(Object.fromEntries(said), null, 2)}\n`).toMatchFileSnapshot(goldenFile);
  });

  withBuildah("are given the secrets that they ask for, and show none", async () => {
    await Promise.all(runs.values());
    expect(world.logOf("17-secret-manager")).toContain(": login --username=*** --password-stdin quay.io\n");
    expect(world.logOf("18-kms-secrets")).toContain(": login -u robot -p *** registry.example.com\n");
  });
});

/** What was seen of a shape when it was run. */
const goldenSchema = z.record(z.string(), z.object({ said: z.array(z.string()) }));

test("the page says of each shape how it is built, and by what", async () => {
  const golden = goldenSchema.parse(JSON.parse(readFileSync(goldenFile, "utf8")));
  const rows = await Promise.all(shapes.map((shape) => rowOf(shape, golden[shape]?.said ?? [])));
  const table = [
    ["shape", "steps", "how", "engines", "only at Google"],
    ["---", "---", "---", "---", "---"],
    ...rows,
  ]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`)
    .join("");
  const text = readFileSync(page, "utf8");
  await expect(text.replace(/^\| shape .*\n(?:\|.*\n)*/m, () => table)).toMatchFileSnapshot(page);
});

async function rowOf(shape: string, said: readonly string[]): Promise<readonly string[]> {
  const { builds } = await world.plan(shape);
  const [first] = builds;
  if (first === undefined) throw new Error(`${shape} has no build`);
  const { build, actions } = first;
  const needDocker = new Set(said.flatMap((line) => stepThatNeedsDocker(line)));
  const how = build.steps.map(({ index, secretEnv }) => {
    const action = actions[index];
    if (action?.kind !== "container") return "native";
    const facts = [
      action.reason.replace(/(?<=@sha256:)[0-9a-f]{64}/, "…"),
      ...(needDocker.has(index) ? ["speaks to Docker"] : []),
      ...(secretEnv.length > 0 ? ["with secrets"] : []),
    ];
    return `container (${facts.join("; ")})`;
  });
  const engines = needDocker.size > 0 ? "docker, gcb" : "buildah, docker, podman, gcb";
  const steps = `${build.steps.length}${builds.length > 1 ? ` in each of ${builds.length} variants` : ""}`;
  return [
    `${shape.slice(0, 2)} ${titleOf(shape)}`,
    steps,
    grouped(how),
    engines,
    Object.keys(build.google).join(", "),
  ];
}

/** Programs of the step images say when they are called. Only a login asks nothing of the daemon. */
function stepThatNeedsDocker(line: string): number[] {
  const [, step, command] = /^Step #(\d+).*?: docker was called: (\S+)/.exec(line) ?? [];
  return step === undefined || command === "login" ? [] : [Number(step)];
}

/** `native ×2; container (it runs bash)`. */
function grouped(words: readonly string[]): string {
  const groups: { word: string; count: number }[] = [];
  for (const word of words) {
    const last = groups.at(-1);
    if (last?.word === word) last.count += 1;
    else groups.push({ word, count: 1 });
  }
  return groups.map(({ word, count }) => (count === 1 ? word : `${word} ×${count}`)).join("; ");
}
