import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { createRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { type Project, temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { runWith } from "./captured.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let staging: RegistryServer;
let production: RegistryServer;
let digest: string;
let tree: string;
let round = 0;

beforeAll(async () => {
  folder = await temporaryFolder("select");
  staging = await startRegistryServer({ dir: join(folder.path, "staging") });
  production = await startRegistryServer({ dir: join(folder.path, "production") });
  const image = await buildImage("app", "1.0");
  digest = image.root.descriptor.digest;
  const registries = registriesWith();
  for (const [name, ...tags] of [
    ["kops/app", "v1.30.0", "v1.31.0", "nightly"],
    ["etcd/app", "v3.5.0"],
  ] as const) {
    const repository = registries.repository(parseRepository(`${staging.address}/${name}`));
    await pushImage(image, repository, tags.map(parseTag));
  }
  await registries.close();
});

afterAll(async () => {
  await Promise.all([staging.close(), production.close()]);
  await folder.remove();
});

const waybill = (...argv: string[]) => runWith({ HOME: folder.path }, ...argv);

const project = (name: string, ...tags: string[]): Project => ({
  name,
  source: `${staging.address}/${name}`,
  destinations: [`${production.address}/r${round}/${name}`],
  images: { app: { [digest]: tags } },
});

beforeEach(async () => {
  round += 1;
  tree = join(folder.path, `tree-${round}`);
  await writeTree(tree, [project("kops", "v1.30.0", "v1.31.0"), project("etcd", "v3.5.0")]);
});

describe("a selection on the command line", () => {
  test("limits a plan, a promotion, a verification and waiting, and all say so", async () => {
    const plan = join(folder.path, `plan-${round}.json`);
    const select = ["--project", "k*", "--tag", "semver:>=1.31"];
    const limited = "limited to --project 'k*' --tag 'semver:>=1.31': 2 other edges not looked at";
    const planned = await waybill("plan", tree, ...select, "--out", plan);
    expect(planned.stdout).toContain(`1 to do\n${limited}\n`);
    expect(JSON.parse(await readFile(plan, "utf8")).selection).toEqual({
      projects: ["k*"],
      images: [],
      tags: ["semver:>=1.31"],
      to: [],
      others: 2,
    });
    // A plan that was saved brings its selection along.
    const promoted = await waybill("promote", tree, "--plan", plan, "--confirm", "--json");
    expect(promoted.status).toBe(0);
    expect(JSON.parse(promoted.stdout)).toMatchObject({
      counts: { done: 1, withheld: 0 },
      selection: { others: 2 },
    });
    const verified = await waybill("verify", tree, ...select);
    expect([verified.status, verified.stdout]).toEqual([0, expect.stringContaining(limited)]);
    expect((await waybill("verify", tree, "--project", "kops")).status).toBe(2);
    const waited = await waybill("wait", tree, ...select, "--timeout", "0");
    expect([waited.status, waited.stdout]).toEqual([0, expect.stringContaining(limited)]);
    expect((await waybill("verify", tree, "--wait", "0", ...select)).status).toBe(0);
  });

  test("limits what a check tells", async () => {
    await writeFile(join(tree, "images", "etcd", "images.yaml"), "- name: app\n  dmap: {one: [v1]}\n");
    const one = await waybill("check", tree, "--project", "kops");
    expect(one.status).toBe(0);
    expect(one.stdout).toBe(
      "1 project, 1 image, 1 digest, 2 edges: 0 errors, 0 warnings, 0 notes\nlimited to --project kops\n",
    );
    expect((await waybill("check", tree, "--project", "etcd")).status).toBe(1);
    const json = JSON.parse((await waybill("check", tree, "--image", "app", "--json")).stdout);
    expect(json).toMatchObject({
      format: "waybill-check/1",
      counts: { projects: 2 },
      selection: { images: ["app"] },
    });
    // What another project has wrong does not stop this one, and is not hidden.
    const strict = await waybill("promote", tree, "--project", "kops", "--strict", "--confirm");
    expect(strict.status).toBe(0);
    expect(strict.stdout).toContain(
      "1 error in the manifests lies outside: it counts when everything is looked at",
    );
  });

  test("is refused when it means nothing, with what is likely meant", async () => {
    const misspelt = await waybill("promote", tree, "--project", "etdc", "--confirm");
    expect(misspelt).toMatchObject({ status: 1, stdout: "" });
    expect(misspelt.stderr).toContain("--project etdc selects nothing");
    expect(misspelt.stderr).toContain("did you mean etcd?");
    const wrong = await waybill("plan", tree, "--tag", "regex:v(1");
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toContain('--tag "regex:v(1" can match nothing: missing closing )');
    const other = join(tree, "waybill.yaml");
    await writeFile(other, "hosts: {}\n");
    expect((await waybill("check", other, "--project", "kops")).stderr).toContain("only of manifests");
  });
});

testWith("git")("a review is limited, but what is said under a pull request is not", async () => {
  const repository = await createRepository(join(folder.path, `repository-${round}`));
  const inGit = join(repository.path, "tree");
  await writeTree(inGit, [project("kops", "v1.30.0"), project("etcd", "v3.5.0")]);
  await repository.commit();
  await rm(inGit, { recursive: true });
  await writeTree(inGit, [project("kops", "v1.30.0", "v1.31.0"), project("etcd")]);
  const line = ["review", inGit, "--base", "HEAD", "--project", "kops"];
  const limited = await waybill(...line);
  expect(limited.status).toBe(0);
  expect(limited.stdout).toContain("limited to --project kops: 2 other edges not looked at");
  expect((await waybill("review", inGit, "--base", "HEAD")).status).toBe(2);
  const posted = await waybill(...line, "--post", "https://github.com/a/b/pull/1");
  expect(posted.stderr).toContain("what is said under a pull request is about all of it");
});

describe("merging into selected projects", () => {
  const files = () =>
    Promise.all(["kops", "etcd"].map((name) => readFile(join(tree, "images", name, "images.yaml"), "utf8")));

  test("takes what each one's staging registry holds", async () => {
    await writeTree(tree, [
      { ...project("kops"), images: {} },
      { ...project("etcd"), images: {} },
    ]);
    const line = ["merge", tree, "--project", "*", "--tag", "semver:>=1", "--newest", "1"];
    const dry = await waybill(...line, "--dry-run");
    expect(dry.status).toBe(0);
    expect((await files()).join("")).not.toContain("v1.31.0");
    const merged = await waybill(...line, "--json");
    expect(merged.status).toBe(0);
    const document = JSON.parse(merged.stdout);
    expect(document).toMatchObject({ format: "waybill-merge-projects/1", nothing: [], failures: [] });
    expect(
      document.merges.map((each: { project: string; written: boolean }) => [each.project, each.written]),
    ).toEqual([
      ["etcd", true],
      ["kops", true],
    ]);
    const [kops = "", etcd = ""] = await files();
    expect(kops).toContain("v1.31.0");
    expect(kops).not.toMatch(/v1\.30\.0|nightly/);
    expect(etcd).toContain("v3.5.0");
    expect((await waybill("check", tree)).status).toBe(0);
  });

  test("tells of the one that fails, and does the others", async () => {
    await writeTree(tree, [
      { ...project("kops"), images: {} },
      { ...project("etcd"), images: {} },
    ]);
    const line = ["merge", tree, "--project", "kops", "--project", "etcd", "--tag", "v3.5.0"];
    const some = await waybill(...line);
    expect(some.status).toBe(2);
    expect(some.stderr).toContain("not merged: kops: no image passes the filters");
    expect((await files())[1]).toContain("v3.5.0");
    const none = await waybill("merge", tree, "--project", "kops", "--tag", "v1.30");
    expect(none.status).toBe(1);
    expect(none.stderr).toContain("did you mean");
  });

  test("is told what to merge, and how many", async () => {
    expect((await waybill("merge", tree)).stderr).toContain("--project NAME");
    expect((await waybill("merge", tree, "--project", "kops", "--newest", "0")).stderr).toContain(
      "from 1 on",
    );
    const aged = await waybill("merge", tree, "--project", "kops", "--max-age", "soon");
    expect(aged.stderr).toContain("--max-age is no duration");
  });
});

test("merging into several projects is not drawn over by its progress", async () => {
  let shown = "";
  const terminal = { isTTY: true, columns: 100, write: (text: string | Uint8Array) => (shown += text) };
  const io = { stdout: terminal, stderr: terminal, env: { HOME: folder.path } };
  const line = ["merge", tree, "--project", "*", "--tag", "nightly"];
  expect(await main(line, io)).toBe(0);
  // When a bar ends, the terminal goes back to where it began.
  const restored = "\u001b8";
  expect(shown).toContain(restored);
  expect(shown.slice(shown.indexOf(": added "))).not.toContain(restored);
});
