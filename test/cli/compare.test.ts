import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { digestFor } from "../promotion/world.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { type Project, temporaryFolder, writeTree } from "../support/tree.ts";
import { type Captured, runWith } from "./captured.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeEach(async () => {
  folder = await temporaryFolder("compare");
});

afterEach(() => folder.remove());

const foo = (images: Project["images"]): Project => ({
  name: "foo",
  source: "gcr.io/foo",
  destinations: ["us.io/prod", "eu.io/prod"],
  images,
});
const one = { app: { [digestFor("one")]: ["v1"] } };
const two = { app: { [digestFor("one")]: ["v1"], [digestFor("two")]: ["v2"] } };

const waybill = (...argv: string[]): Promise<Captured> =>
  runWith({ ...gitEnvironment, HOME: folder.path }, ...argv);

describe("compare", () => {
  test("says what two directories ask for differently, and what is only written otherwise", async () => {
    const [before, after] = [join(folder.path, "before"), join(folder.path, "after")];
    await writeTree(before, [foo(one)]);
    await writeTree(after, [foo(two)]);
    expect(await waybill("compare", before, after)).toEqual({
      status: 0,
      stdout: `added   eu.io/prod/app:v2 and 1 more  ${digestFor("two").slice(0, 19)} (${after}/images/foo/images.yaml:4:81)\n2 added, 2 unchanged\n`,
      stderr: "",
    });
    expect((await waybill("compare", before, after, "--exit-code")).status).toBe(2);
    expect((await waybill("compare", before, after, "--markdown")).stdout).toContain(
      `| added | \`eu.io/prod/app\` and 1 more | \`v2\` | \`${digestFor("two")}\` |`,
    );
    const json = JSON.parse((await waybill("compare", before, after, "--json")).stdout);
    expect(json).toMatchObject({
      format: "waybill-comparison/1",
      before: { path: before, errors: 0 },
      after: { path: after, errors: 0 },
      edges: { added: 2, removed: 0, moved: 0, unchanged: 2 },
    });

    await writeTree(after, [foo(one)]);
    const file = join(after, "images/foo/images.yaml");
    await writeFile(file, `# reviewed\n${await readFile(file, "utf8")}`);
    expect(await waybill("compare", before, after, "--exit-code")).toMatchObject({
      status: 0,
      stdout: `${file} is written otherwise, and asks for the same\n2 unchanged\n`,
    });
  });

  test("takes two revisions of a directory, or one and what is on disk", async () => {
    const repository = await createRepository(join(folder.path, "repository"));
    const path = join(repository.path, "tree");
    await writeTree(path, [foo(one)]);
    const first = await repository.commit("first");
    await repository.git("tag", "v1");
    await writeTree(path, [foo(two)]);
    const second = await repository.commit("second");
    await writeTree(path, [foo({})]);

    const revisions = await waybill("compare", path, "--since", "v1", "--head", "HEAD", "--json");
    expect(JSON.parse(revisions.stdout)).toMatchObject({
      before: { commit: first },
      after: { commit: second },
      edges: { added: 2, removed: 0, unchanged: 2 },
    });
    expect((await waybill("compare", path, "--since", "HEAD")).stdout).toContain("4 removed, 0 unchanged");
    await rm(path, { recursive: true });
    expect((await waybill("compare", path, "--since", "v1", "--head", "main")).stdout).toContain("2 added");
  });

  test("compares a branch with the commit at which it was left", async () => {
    const repository = await createRepository(join(folder.path, "repository"));
    const path = join(repository.path, "tree");
    await writeTree(path, [foo(one)]);
    await repository.commit("first");
    await repository.git("checkout", "--quiet", "-b", "feature");
    await writeTree(path, [foo(two)]);
    await repository.commit("feature");
    await repository.git("checkout", "--quiet", "main");
    await writeTree(path, [foo({})]);
    await repository.commit("main");
    expect((await waybill("compare", path, "--since", "main...", "--head", "feature")).stdout).toContain(
      "2 added, 2 unchanged",
    );
  });

  test("takes two plain manifests for the same project, and refuses one that cannot be read", async () => {
    const plain = (tag: string): string =>
      `registries:\n- name: gcr.io/foo\n  src: true\n- name: us.io/prod\nimages:\n- name: app\n  dmap:\n    "${digestFor("one")}": ["${tag}"]\n`;
    const [before, after] = [join(folder.path, "before.yaml"), join(folder.path, "after.yaml")];
    await writeFile(before, plain("v1"));
    await writeFile(after, plain("v2"));
    const { stdout } = await waybill("compare", before, after);
    expect(stdout).toMatch(
      /^removed us\.io\/prod\/app:v1 .*\nadded {3}us\.io\/prod\/app:v2 .*\n1 removed, 1 added, 0 unchanged\n$/,
    );
    await writeFile(after, "[");
    expect(await waybill("compare", before, after)).toMatchObject({ status: 1, stdout: "" });
  });

  test("does not take what cannot be read for something that is gone", async () => {
    const [before, after] = [join(folder.path, "before"), join(folder.path, "after")];
    await writeTree(before, [foo(one), { ...foo(one), name: "bar", destinations: ["us.io/bar"] }]);
    await writeTree(after, [foo(one)]);
    await mkdir(join(after, "manifests/bar"), { recursive: true });
    await writeFile(join(after, "manifests/bar/promoter-manifest.yaml"), "[");
    const { status, stdout, stderr } = await waybill("compare", before, after, "--exit-code");
    expect({ status, stdout }).toEqual({
      status: 2,
      stdout: "bar cannot be read now: nobody knows what it asks for\n2 unchanged\n",
    });
    expect(stderr).toContain("warning: after: 2 errors; what these lines ask for is left out");
    const missing = await waybill("compare", before, join(folder.path, "nowhere"));
    expect(missing).toMatchObject({ status: 1, stdout: "" });
    expect(missing.stderr).toContain("error: there is no manifest that can be read");
  });

  test("refuses lines that mean nothing", async () => {
    for (const words of [["a"], ["a", "b", "--since", "c"], ["a", "b", "--head", "c"]]) {
      expect((await waybill("compare", ...words)).stderr).toMatch(/^error: /);
    }
    expect((await waybill("compare", "a", "b", "--json", "--markdown")).status).toBe(1);
  });
});
