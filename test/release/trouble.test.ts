import { readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { type Captured, runWith } from "../cli/captured.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment, repositoryAt } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

const test = testWith("git");
const path = "team/images";
const file = "images/foo/images.yaml";
const branch = "foo-v2-image-promotion";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let staging: Awaited<ReturnType<typeof startRegistryServer>>;
let forge: ForgeServer;
let token: string;
let digests: Record<string, string>;

beforeEach(async () => {
  folder = await temporaryFolder("pr-trouble");
  staging = await startRegistryServer({ dir: join(folder.path, "staging") });
  forge = await startForgeServer({ kind: "github" });
  digests = {};
  const registries = registriesWith();
  for (const tag of ["v1", "v2", "v3"]) {
    const image = await buildImage("app", tag);
    digests[tag] = image.root.descriptor.digest;
    const repository = registries.repository(parseRepository(`${staging.address}/foo/app`));
    await pushImage(image, repository, [parseTag(tag)]);
  }
  await registries.close();
  token = forge.addUser("robot");
  await forge.createRepository(path, {
    [file]: `- name: app\n  dmap:\n    "${digests.v1}": ["v1"]\n`,
    "manifests/foo/promoter-manifest.yaml": `registries:\n- name: ${staging.address}/foo\n  src: true\n- name: ${staging.address}/prod\n`,
  });
  forge.addWriter(path, "robot");
});

afterEach(async () => {
  await forge.close();
  await staging.close();
  await folder.remove();
});

const propose = (words: readonly string[] = [], as = token): Promise<Captured> =>
  runWith(
    { ...gitEnvironment, HOME: folder.path, WAYBILL_CONFIG: "/dev/null", WAYBILL_FORGE_TOKEN: as },
    ...["pr", `${forge.url}/${path}`, "--forge", "github", "--staging-repo", `${staging.address}/foo`],
    ...["--project", "foo", "--tag", "v2", ...words],
  );

const opened = { status: 0, stdout: expect.stringMatching(/^opened: /) };

describe("waybill pr", () => {
  test("goes on where it was when the forge goes down in the middle", async () => {
    forge.failNext({ kind: "hang-up" }, { method: "POST", path: /\/pulls$/ });
    const broken = await propose();
    expect(broken.status).toBe(1);
    expect(await forge.branch(path, branch)).toBeDefined();
    expect(forge.pullRequests(path)).toHaveLength(0);
    expect(await propose()).toMatchObject(opened);
    expect(forge.pullRequests(path)).toHaveLength(1);
  });

  test("tells of the request that it has opened when another one cannot be", async () => {
    const registries = registriesWith();
    const repository = registries.repository(parseRepository(`${staging.address}/foo/app`));
    await pushImage(await buildImage("app", "rc"), repository, [parseTag("v1.0.0-rc.0")]);
    await registries.close();
    const records = join(folder.path, "records");
    forge.failNext({ kind: "hang-up" }, { method: "GET" });
    const { status, stdout, stderr } = await runWith(
      { ...gitEnvironment, HOME: folder.path, WAYBILL_CONFIG: "/dev/null", WAYBILL_FORGE_TOKEN: token },
      ...["pr", `${forge.url}/${path}`, "--forge", "github", "--staging-repo", `${staging.address}/foo`],
      ...["--project", "foo", "--release", "v1.0.0-rc.0", "--profile", "kubernetes"],
      ...["--json", `--record=${records}`],
    );
    expect(status, stderr).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      requests: [{ outcome: "opened", pullRequest: { number: 1 } }],
      failed: [{ tags: ["v1.1.0-alpha.0"], failure: { code: "nothing-chosen" } }],
    });
    const shown = await runWith({}, "runs", "show", "pr", "--data-dir", records, "--json");
    const run = JSON.parse(shown.stdout);
    expect(JSON.parse(await readFile(join(run.folder, "artifacts/report.json"), "utf8"))).toEqual(
      JSON.parse(stdout),
    );
    const events = await readFile(join(run.folder, "artifacts/events.jsonl"), "utf8");
    expect(events).toContain(`"type":"waiting","host":"${new URL(forge.url).host}"`);
  });

  test("finds what was opened when the answer got lost", async () => {
    forge.failNext({ kind: "hang-up-after" }, { method: "POST", path: /\/pulls$/ });
    await propose();
    expect(forge.pullRequests(path)).toHaveLength(1);
    expect((await propose()).status).toBe(0);
    expect(forge.pullRequests(path)).toHaveLength(1);
  });

  test("may be run by two at once: one pull request comes of it", async () => {
    const both = await Promise.all([propose(), propose()]);
    expect(both.filter(({ status }) => status === 0).length).toBeGreaterThan(0);
    for (const { status, stderr } of both) {
      if (status !== 0) expect(stderr).toContain("somebody else has pushed to the branch in the meantime");
    }
    expect(forge.pullRequests(path)).toHaveLength(1);
    expect((await propose()).status).toBe(0);
    expect(forge.pullRequests(path)).toHaveLength(1);
  });

  test("merges into what the base is by now", async () => {
    expect(await propose()).toMatchObject(opened);
    const before = await forge.branch(path, branch);
    await forge.commit(path, "main", {
      [file]: `- name: app\n  dmap:\n    "${digests.v1}": ["v1"]\n    "${digests.v3}": ["v3"]\n`,
    });
    expect(await propose()).toMatchObject({ status: 0, stdout: expect.stringMatching(/^updated: /) });
    expect(await forge.branch(path, branch)).not.toBe(before);
    expect(forge.pullRequests(path)).toHaveLength(1);
  });

  test("leaves a branch alone that holds somebody else's work", async () => {
    const theirs = await forge.commit(path, branch, { "notes.md": "mine\n" });
    expect(await propose()).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("somebody else's work"),
    });
    expect(await forge.branch(path, branch)).toBe(theirs);
  });

  test("says that a repository is no fork, before anything is pushed", async () => {
    await forge.createRepository("robot/images");
    const refused = await propose(["--fork", "robot/images"]);
    expect(refused).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("robot/images is no fork of team/images"),
    });
    expect(refused.stderr).toContain("hint:");
  });

  test("says what a token without rights lacks", async () => {
    const reader = forge.addUser("reader");
    const refused = await propose([], reader);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain("hint:");
    expect(refused.stderr).not.toContain(reader);
    expect(forge.pullRequests(path)).toHaveLength(0);
  });

  test("says that a token is wrong, and shows none", async () => {
    const refused = await propose([], "ghp_wrong");
    expect(refused.status).toBe(1);
    expect(refused.stderr).not.toContain("ghp_wrong");
  });

  test("says when the forge wants to be left alone", async () => {
    forge.failNext({ kind: "rate-limit", seconds: 3600 }, { method: "GET" });
    expect(await propose()).toMatchObject({ status: 1, stderr: expect.stringMatching(/rate|limit|until/i) });
  });

  test("opens nothing when there is nothing to change", async () => {
    expect(await propose(["--tag", "v1"])).toMatchObject(opened);
    const number = forge.pullRequests(path)[0]?.number ?? 0;
    forge.setLabels(path, number, []);
    await forge.merge(path, number);
    expect(await propose()).toMatchObject({ status: 0, stdout: expect.stringMatching(/^nothing to do/) });
    expect(forge.pullRequests(path)).toHaveLength(1);
  });

  test("never shows its token: not in process lists, nor in what it prints", async () => {
    const result = await propose(["--verbose"]);
    expect(`${result.stdout}${result.stderr}`).not.toContain(token);
    expect(forge.seen.every(({ url }) => !url.includes(token))).toBe(true);
    expect(forge.pullRequests(path)[0]?.body).not.toContain(token);
  });

  test("changes no file that a link in the repository leads to outside", async () => {
    const outside = join(folder.path, "outside.yaml");
    const text = `- name: app\n  dmap:\n    "${digests.v1}": ["v1"]\n`;
    await writeFile(outside, text);
    const url = `http://robot:${token}@${forge.host}/${path}.git`;
    await repositoryAt(folder.path).git("clone", "--quiet", url, "clone");
    const clone = repositoryAt(join(folder.path, "clone"));
    await rm(join(clone.path, file));
    await symlink(outside, join(clone.path, file));
    await clone.commit("a link");
    await clone.git("push", "--quiet", "origin", "main");
    expect((await propose()).status).toBe(1);
    expect(await readFile(outside, "utf8")).toBe(text);
    expect(forge.pullRequests(path)).toHaveLength(0);
  });

  test("refuses manifests that a link leads out of the repository", async () => {
    const { status, stderr } = await propose(["--manifests", "../../etc"]);
    expect(status).toBe(1);
    expect(stderr).toContain("the repository has no ../../etc");
  });
});
