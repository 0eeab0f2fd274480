import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { parseSelection, type SelectionPatterns } from "../../src/edges/index.ts";
import { type MergeFilters, merge, mergeProjects } from "../../src/merge/index.ts";
import { type Contents, digestFor, type MemoryOptions, memoryRegistries } from "./memory-registry.ts";
import { projectOf } from "./project.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const registriesOf = (name: string, to = `prod.example/${name}`): string =>
  `- name: stage.example/${name}\n  src: true\n- name: ${to}\n`;

const staging: Contents = {
  "stage.example/foo/foo": { one: ["v1.0.0"] },
  "stage.example/kops/controller": { two: ["v1.30.0", "v1.31.0"] },
  "stage.example/kops-tools/cli": { three: ["v1.30.0"] },
  "stage.example/etcd/etcd": { four: ["v3.5.0"] },
};

interface Scene {
  readonly contents?: Contents;
  readonly memory?: MemoryOptions;
  readonly others?: Parameters<typeof projectOf>[0]["others"];
}

async function scene({ contents = staging, memory, others }: Scene = {}) {
  const project = await projectOf({
    images: "",
    others: {
      kops: { registries: registriesOf("kops"), images: "" },
      "kops-tools": { registries: registriesOf("kops-tools"), images: "" },
      etcd: { registries: registriesOf("etcd", "elsewhere.example/etcd"), images: "" },
      ...others,
    },
  });
  cleanups.push(project.remove);
  const { open, catalog, takeRequests } = memoryRegistries(contents, memory);
  return {
    takeRequests,
    text: (name: string) => readFile(join(project.path, "images", name, "images.yaml"), "utf8"),
    merge: async (asked: Partial<SelectionPatterns>, filters: MergeFilters = {}, dryRun = false) => {
      const selection = await parseSelection(asked);
      if (selection === undefined) throw new Error("nothing is asked for");
      const result = await mergeProjects({ tree: project.path, selection, filters, open, catalog, dryRun });
      return {
        ...result,
        added: result.merges.map(({ project: name, added }) => [
          name,
          ...added.map(({ image, tag }) => `${image}:${tag}`),
        ]),
        failed: result.failures.map(({ project: name, failure }) => [name, failure.code]),
      };
    },
    one: async (selected: string, staged: string) => {
      const selection = await parseSelection({ projects: [selected] });
      return merge({ tree: project.path, staging: staged, selection, open, catalog, dryRun: true });
    },
  };
}

test("each selected project gets what its own staging registry holds", async () => {
  const { merge: run, text, takeRequests } = await scene();
  const result = await run({ projects: ["kops*", "etcd"] }, { tags: ["semver:>=1.30"] });
  expect(result.added).toEqual([
    ["etcd", "etcd:v3.5.0"],
    ["kops", "controller:v1.30.0", "controller:v1.31.0"],
    ["kops-tools", "cli:v1.30.0"],
  ]);
  expect([result.nothing, result.failures]).toEqual([[], []]);
  expect(await text("kops")).toContain(digestFor("two"));
  expect(await text("foo")).toBe("");
  expect(takeRequests().some((request) => request.includes("stage.example/foo"))).toBe(false);
});

test("projects are chosen by where they promote to", async () => {
  const { merge: run } = await scene();
  const { added } = await run({ to: ["elsewhere.example"] }, {}, true);
  expect(added).toEqual([["etcd", "etcd:v3.5.0"]]);
});

test("an image that is named as a whole repository is one of its own project alone", async () => {
  const { merge: run } = await scene();
  const filters = { images: ["stage.example/kops/controller"], tags: ["v1.31.0"] };
  const result = await run({ projects: ["k*"] }, filters, true);
  expect(result.added).toEqual([["kops", "controller:v1.31.0"]]);
  expect(result.nothing).toEqual([{ project: "kops-tools", staging: "stage.example/kops-tools" }]);
});

test("a project that fails stops no other, and its file is as it was", async () => {
  const { merge: run, text } = await scene({
    memory: { broken: { "stage.example/etcd/etcd": "server-error" } },
  });
  const result = await run({ projects: ["*"] });
  expect(result.added.map(([name]) => name)).toEqual(["foo", "kops", "kops-tools"]);
  expect(result.failed).toEqual([["etcd", "staging-unread"]]);
  expect(await text("etcd")).toBe("");
  expect(await text("kops")).toContain("controller");
});

test("of a project that is named there has to be something, of one that is found there need not", async () => {
  const { merge: run } = await scene();
  const filters = { tags: ["v1.31.0"] };
  expect((await run({ projects: ["kops*"] }, filters, true)).nothing.map(({ project }) => project)).toEqual([
    "kops-tools",
  ]);
  const named = await run({ projects: ["kops*", "etcd"] }, filters, true);
  expect(named.failed).toEqual([["etcd", "nothing-chosen"]]);
  expect(named.failures[0]?.failure.hint).toContain("--tag v1.31.0");
  await expect(run({ projects: ["kops*"] }, { tags: ["v9"] })).rejects.toMatchObject({
    code: "nothing-chosen",
  });
  await expect(run({ projects: ["kops*"] }, { tags: ["v9"], maxAge: 1000 })).rejects.toMatchObject({
    code: "nothing-chosen",
  });
  await expect(run({ projects: ["kosp"] })).rejects.toMatchObject({
    code: "nothing-selected",
    hint: "did you mean kops?",
  });
});

test("a project that cannot be read is one that fails", async () => {
  const { merge: run } = await scene({ others: { bad: { registries: "- [", images: "" } } });
  const result = await run({ projects: ["bad", "kops"] });
  expect(result.failed).toEqual([["bad", "manifest-unreadable"]]);
  expect(result.added.map(([name]) => name)).toEqual(["kops"]);
});

test("two projects that would contend for a tag are not both merged, in a dry run either", async () => {
  const twins = { twin: { registries: registriesOf("twin", "prod.example/kops"), images: "" } };
  const contents = { ...staging, "stage.example/twin/controller": { five: ["v1.31.0"] } };
  for (const dryRun of [true, false]) {
    const { merge: run } = await scene({ others: twins, contents });
    const result = await run({ projects: ["kops", "twin"] }, {}, dryRun);
    expect(result.added.map(([name]) => name)).toEqual(["kops"]);
    expect(result.failed).toEqual([["twin", "refused"]]);
  }
});

test("of projects that share a staging registry, the selected one gets it", async () => {
  const second = { second: { registries: registriesOf("kops", "prod.example/second"), images: "" } };
  const { one } = await scene({ others: second });
  const { project, warnings } = await one("second", "stage.example/kops");
  expect([project, warnings]).toEqual(["second", []]);
  await expect(one("etcd", "stage.example/kops")).rejects.toMatchObject({ code: "unknown-staging" });
});
