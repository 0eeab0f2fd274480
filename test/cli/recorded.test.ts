import { readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { executable, start } from "../support/built.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { type Captured, runWith } from "./captured.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: RegistryServer;
let repository: TestRepository;
let tree: string;
let records: string;
let commit: string;
let digest: string;
let worlds = 0;

beforeAll(async () => {
  folder = await temporaryFolder("recorded");
  server = await startRegistryServer({ dir: join(folder.path, "registry") });
  const registries = registriesWith();
  const image = await buildImage("app", "v1");
  digest = image.root.descriptor.digest;
  const staged = registries.repository(parseRepository(`${server.address}/staging/app`));
  await pushImage(image, staged, [parseTag("v1")]);
  await registries.close();
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

/** A project whose images go to a place of its own. */
const project = (host = server.address, images = { app: { [digest]: ["v1"] } }) => ({
  name: "foo",
  source: `${server.address}/staging`,
  destinations: [`${host}/w${worlds}/eu`],
  images,
});

beforeEach(async () => {
  worlds += 1;
  repository = await createRepository(join(folder.path, `repository-${worlds}`));
  tree = join(repository.path, "tree");
  records = join(folder.path, `records-${worlds}`);
  await writeTree(tree, [project()]);
  commit = await repository.commit();
});

const env = { ...gitEnvironment, USER: "ann" };
const waybill = (...line: string[]): Promise<Captured> => runWith({ ...env, HOME: folder.path }, ...line);
const shown = async (name: string) => {
  const { stdout, status, stderr } = await waybill("runs", "show", name, "--data-dir", records, "--json");
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
};
const artifact = async (run: { folder: string }, name: string) =>
  readFile(join(run.folder, "artifacts", name), "utf8");
const eventsOf = async (run: { folder: string }) =>
  (await artifact(run, "events.jsonl"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("a recorded run", () => {
  test("of promote holds who did what, the plan, the events, the report and the log", async () => {
    const promoted = await waybill("promote", tree, "--confirm", "--json", `--record=${records}`);
    expect(promoted.status, promoted.stderr).toBe(0);
    const run = await shown("promote");
    const plan = JSON.parse(await artifact(run, "plan.json"));
    expect(run).toMatchObject({
      result: "SUCCESS",
      head: {
        verb: "promote",
        by: expect.stringMatching(/^ann@/),
        subject: tree,
        options: { confirm: true },
      },
      revision: commit,
      planHash: plan.hash,
      artifacts: ["events.jsonl", "plan.json", "report.json"],
    });
    expect(JSON.parse(await artifact(run, "report.json"))).toEqual(JSON.parse(promoted.stdout));
    const [first, ...events] = await eventsOf(run);
    expect(first).toEqual({ format: "waybill-events/1", job: "promote", id: run.id });
    const destination = `${server.address}/w${worlds}/eu/app`;
    const put = { destination };
    expect(events).toMatchObject([
      { type: "started", head: run.head },
      { type: "progress", done: 1, total: 1 },
      { type: "planned", hash: plan.hash, work: 1, images: 1 },
      // The platforms, the index, and the tag.
      ...[put, put, { ...put, digest, tags: ["v1"] }].map((each) => ({ ...each, type: "manifest-put" })),
      { type: "edge-done", destination, digest, tag: "v1", project: "foo" },
      {
        type: "ended",
        result: "SUCCESS",
        status: 0,
        leftOut: 0,
        traffic: { hosts: { [server.address]: {} } },
      },
    ]);
    expect(await readFile(run.log, "utf8")).toContain(`done ${destination}:v1`);
    const text = await waybill("runs", "show", run.id, "--data-dir", records);
    expect(text.stdout).toContain(`promote ${tree} confirm`);
    expect(text.stdout).toContain(`plan      ${plan.hash}`);
  });

  test("is one where the settings say so, in the folder that they name", async () => {
    const config = join(folder.path, "waybill.yaml");
    await writeFile(config, `runs: { record: true, folder: records-${worlds} }\n`);
    expect((await waybill("promote", tree, "--config", config)).status).toBe(0);
    expect((await waybill("verify", tree, "--config", config)).status).toBe(2);
    expect((await waybill("promote", tree)).status).toBe(0);
    const listed = await waybill("runs", "--config", config, "--json");
    expect(JSON.parse(listed.stdout).runs).toMatchObject([
      { job: "verify", result: "FAILURE" },
      { job: "promote", result: "SUCCESS" },
    ]);
    const report = JSON.parse(await artifact(await shown("verify"), "report.json"));
    expect(report.findings).toHaveLength(2);
    await rm(config);
  });

  test("of review and merge has their results, and that of a merge no commit that it changes", async () => {
    await writeTree(tree, [project(undefined, { app: {} })]);
    const base = await repository.commit();
    const merging = ["--base-dir", tree, "--staging-repo", `${server.address}/staging`, "--tag", "v1"];
    const merged = await waybill("merge", ...merging, `--record=${records}`);
    expect(merged.status, merged.stderr).toBe(0);
    const merge = await shown("merge");
    expect(merge).toMatchObject({ result: "SUCCESS", revision: base, head: { options: { tag: "v1" } } });
    expect(JSON.parse(await artifact(merge, "report.json"))).toMatchObject({ format: "waybill-merge/1" });

    const reviewed = await waybill("review", tree, "--base", base, `--record=${records}`, "--json");
    expect(reviewed.status, reviewed.stderr).toBe(0);
    const review = await shown("review");
    const report = JSON.parse(await artifact(review, "report.json"));
    expect(report).toEqual(JSON.parse(reviewed.stdout));
    expect(review.planHash).toBe(report.plan.hash);
    // The working tree is not as it was committed.
    expect(review.revision).toBeUndefined();
  });

  test("of what failed says so, and why", async () => {
    const nowhere = await waybill("promote", join(tree, "none"), `--record=${records}`);
    expect(nowhere.status).toBe(1);
    const run = await shown("promote");
    expect(run.result).toBe("FAILURE");
    expect(JSON.parse(await readFile(join(run.folder, "finished.json"), "utf8"))).toMatchObject({
      metadata: { failure: { code: expect.any(String), message: expect.any(String) } },
    });
    expect((await eventsOf(run)).at(-1)).toMatchObject({ type: "ended", result: "FAILURE" });
  });

  test("that cannot be recorded is done all the same, and the exit code tells", async () => {
    const file = join(folder.path, "a-file");
    await writeFile(file, "");
    const promoted = await waybill("promote", tree, "--confirm", "--json", `--record=${file}`);
    expect(promoted.stderr).toContain("warning: the run cannot be recorded: ");
    expect(promoted.stderr.split("cannot be recorded")).toHaveLength(2);
    expect(promoted.status).toBe(4);
    expect(JSON.parse(promoted.stdout)).toMatchObject({ asDesired: true, counts: { done: 1 } });
    expect((await waybill("verify", tree)).status).toBe(0);
  });
});

describe("a recorded run that is stopped", () => {
  /** A promotion to a registry that takes requests and answers none. */
  async function standstill() {
    let reached = (): void => {};
    const held = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const silent = createServer(() => reached());
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      silent.closeAllConnections();
      silent.close();
    });
    await writeTree(tree, [project(`127.0.0.1:${(silent.address() as AddressInfo).port}`)]);
    const line = ["promote", tree, "--confirm", "--grace", "0", `--record=${records}`];
    const promotion = start(executable("waybill"), line, { ...process.env, ...env, HOME: folder.path });
    onTestFinished(() => void promotion.child.kill("SIGKILL"));
    await held;
    return promotion;
  }

  test("by a signal is aborted, with all that is known by then", async () => {
    const promotion = await standstill();
    promotion.child.kill("SIGTERM");
    expect((await promotion.ended).status).toBe(130);
    const run = await shown("promote");
    expect(run).toMatchObject({ result: "ABORTED", artifacts: ["events.jsonl", "plan.json", "report.json"] });
    expect(JSON.parse(await artifact(run, "report.json"))).toMatchObject({ interrupted: true });
  });

  test("by a kill has crashed, and the next one of its kind closes it", async () => {
    const promotion = await standstill();
    expect(await shown("promote")).toMatchObject({ result: "PENDING" });
    promotion.child.kill("SIGKILL");
    await promotion.ended;
    const crashed = await shown("promote");
    expect(crashed).toMatchObject({ result: "CRASHED", head: { verb: "promote" } });
    expect((await eventsOf(crashed)).map(({ type }) => type)).toEqual([undefined, "started"]);
    await writeTree(tree, [project()]);
    expect((await waybill("promote", tree, `--record=${records}`)).status).toBe(0);
    expect(await shown(crashed.id)).toMatchObject({ result: "ABORTED" });
  });
});
