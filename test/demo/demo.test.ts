import { execFile } from "node:child_process";
import { chmod, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkManifests } from "../../src/check/index.ts";
import { printingExecutable } from "../../src/demo/executable.ts";
import { buildImage } from "../../src/demo/image.ts";
import { type DemoOutcome, type DemoStep, runDemo } from "../../src/demo/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { runWith } from "../cli/captured.ts";
import { temporaryFolder } from "../support/tree.ts";

async function run(argv: readonly string[]): Promise<DemoOutcome> {
  const { status, stdout, stderr } = await runWith({ WAYBILL_CONFIG: "/dev/null" }, ...argv);
  return { status, output: `${stderr}${stdout}`.trimEnd().split("\n") };
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder("demo");
});
afterEach(() => folder.remove());

test("the demonstration promotes, verifies, and leaves its manifests and registries behind", async () => {
  const steps: DemoStep[] = [];
  const onStep = (step: DemoStep) => void steps.push(step);
  expect(await runDemo({ folder: folder.path, run, onStep })).toBe(true);
  expect(steps.map(({ title }) => title.split(/[:,]/)[0])).toEqual([
    "Two registries",
    "Images",
    "A promoter manifest",
    "Merge",
    "Check",
    "Plan",
    "Promote",
    "Promote again",
    "Verify",
  ]);
  const lines = steps.flatMap(({ commands }) => commands.flatMap(({ output }) => output));
  expect(lines).toContain("6 done");
  expect(lines).toContain("6 already there");
  expect(lines).toContainEqual(expect.stringMatching(/^all as listed \(4 repositories, 6 images, 6 tags,/));
  expect(await readdir(folder.path)).toEqual(expect.arrayContaining(["production", "staging", "tree"]));
  const { counts, diagnostics } = await checkManifests(join(folder.path, "tree"));
  expect(diagnostics).toEqual([]);
  expect(counts).toMatchObject({ images: 2, digests: 3, tags: 3, edges: 6 });
});

test("a command that fails is shown, and is no success", async () => {
  const steps: DemoStep[] = [];
  const failing = async (argv: readonly string[]) =>
    argv[0] === "plan" ? { status: 2, output: ["what is wrong"] } : run(argv);
  const onStep = (step: DemoStep) => void steps.push(step);
  expect(await runDemo({ folder: folder.path, run: failing, onStep })).toBe(false);
  expect(steps).toContainEqual(
    expect.objectContaining({ commands: [expect.objectContaining({ output: ["what is wrong"] })] }),
  );
});

test("a registry that cannot start stops the other one", async () => {
  await writeFile(join(folder.path, "production"), "in the way");
  await expect(runDemo({ folder: folder.path, run, onStep: () => {} })).rejects.toThrow();
  // The folder is free again: one process at a time may serve it.
  const again = await startRegistryServer({ dir: join(folder.path, "staging") });
  await again.close();
});

test("the same arguments build the same image, and others another one", async () => {
  const digest = async (...args: Parameters<typeof buildImage>) =>
    (await buildImage(...args)).root.descriptor.digest;
  expect(await digest("hello", "v1")).toBe(await digest("hello", "v1"));
  expect(await digest("hello", "v1")).not.toBe(await digest("hello", "v2"));
});

const runsHere = process.platform === "linux" && (process.arch === "x64" || process.arch === "arm64");

test.runIf(runsHere)("its programs run on this machine", async () => {
  const file = join(folder.path, "hello");
  const architecture = process.arch === "x64" ? "amd64" : "arm64";
  await writeFile(file, printingExecutable(architecture, "hello v1 on this machine\n"));
  await chmod(file, 0o755);
  expect((await promisify(execFile)(file)).stdout).toBe("hello v1 on this machine\n");
});
