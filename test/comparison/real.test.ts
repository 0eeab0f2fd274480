import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FAILSAFE_SCHEMA, load } from "js-yaml";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { comparisonAsText, differs } from "../../src/comparison/index.ts";
import { compareManifests } from "../../src/edges/index.ts";
import { readBothManifests } from "../../src/manifest/index.ts";
import { describeShared } from "../support/shared.ts";
import { temporaryFolder } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let trees = 0;

beforeAll(async () => {
  folder = await temporaryFolder("comparison");
});
afterAll(() => folder.remove());

/** A tree of one project with this list of images and one destination. */
async function treeOf(images: string): Promise<string> {
  trees += 1;
  const path = join(folder.path, `tree-${trees}`);
  await mkdir(join(path, "manifests/foo"), { recursive: true });
  await mkdir(join(path, "images/foo"), { recursive: true });
  const registries = "registries:\n- name: gcr.io/foo\n  src: true\n- name: us.io/prod\n";
  await writeFile(join(path, "manifests/foo/promoter-manifest.yaml"), registries);
  await writeFile(join(path, "images/foo/images.yaml"), images);
  return path;
}

async function compare(before: string, after: string) {
  const both = await readBothManifests(await treeOf(before), await treeOf(after));
  const errors = [both.before, both.after].flatMap(({ diagnostics }) => diagnostics.filter(isError));
  // Digests of 65 digits and images without any were merged in earnest: such lines ask for nothing.
  expect(errors.filter(({ code }) => !["invalid-digest", "missing-dmap"].includes(code))).toEqual([]);
  return compareManifests(both.before, both.after);
}

const isError = ({ severity }: { severity: string }): boolean => severity === "error";

const list = z.array(
  z.object({
    name: z.string(),
    // Without an entry, it is null, which is a text like any other here.
    dmap: z.record(z.string(), z.array(z.string()).or(z.string())).or(z.string().transform(() => ({}))),
  }),
);

/** Edges by a plain reading of the YAML: `name digest tag`, a digest that has no tag at all with `-`. */
function edgesOf(text: string): Set<string> {
  const parsed = load(text, { schema: FAILSAFE_SCHEMA });
  const edges = new Set<string>();
  for (const { name, dmap } of list.parse(parsed ?? [])) {
    for (const [digest, tags] of Object.entries(dmap)) {
      if (!isDigest.test(digest)) continue;
      const own = typeof tags === "string" ? [] : tags;
      for (const tag of own.length === 0 ? ["-"] : own) edges.add(`${name} ${digest} ${tag}`);
    }
  }
  return edges;
}

const isDigest = /^sha256:[0-9a-f]{64}$/;

const isComment = (text: string): boolean => text.split("\n").every((line) => /^\s*(#.*)?$/.test(line));

describeShared("every version of some lists", "k8s.io/series", (series) => {
  it("is compared with its neighbor as a difference of sets has it", async () => {
    const files = (await readdir(series, { recursive: true }))
      .filter((name) => name.endsWith(".yaml"))
      .sort();
    let pairs = 0;
    let changed = 0;
    for (const [index, name] of files.entries()) {
      const next = files[index + 1];
      if (next === undefined || dirname(next) !== dirname(name)) continue;
      const [before, after] = await Promise.all(
        [name, next].map((file) => readFile(join(series, file), "utf8")),
      );
      if (before === undefined || after === undefined) continue;
      const [then, now] = [before, after].map((text) =>
        isComment(text) ? new Set<string>() : edgesOf(text),
      );
      if (then === undefined || now === undefined) continue;
      const { edges, rewritten } = await compare(before, after);
      const added = [...now].filter((edge) => !then.has(edge)).length;
      const removed = [...then].filter((edge) => !now.has(edge)).length;
      expect([next, edges.added + edges.moved, edges.removed + edges.moved]).toEqual([next, added, removed]);
      expect([next, edges.unchanged]).toEqual([next, now.size - added]);
      expect([next, rewritten.length]).toEqual([next, added + removed === 0 && before !== after ? 1 : 0]);
      pairs += 1;
      changed += added + removed > 0 ? 1 : 0;
    }
    expect(pairs).toBeGreaterThan(70);
    expect(changed).toBeGreaterThan(50);
  });
});

describeShared("real promotions", "k8s.io/promotions", (promotions) => {
  const facts = z.object({
    edges_added: z.array(z.array(z.string())),
    edges_removed: z.array(z.array(z.string())),
  });

  it("change the edges that are known to have changed", async () => {
    const found = (await readdir(promotions, { recursive: true })).filter(
      (name) => basename(name) === "meta.json",
    );
    for (const name of found) {
      const at = join(promotions, dirname(name));
      const known = facts.parse(JSON.parse(await readFile(join(at, "meta.json"), "utf8")));
      const [before = "", after = ""] = await Promise.all(
        ["before.yaml", "after.yaml"].map((file) => readFile(join(at, file), "utf8").catch(() => "")),
      );
      const { repositories } = await compare(before, after);
      const sides = { before: [] as string[], after: [] as string[] };
      for (const { destinations, edges } of repositories) {
        expect(destinations.length).toBe(1);
        const image = destinations[0]?.slice("us.io/prod/".length);
        for (const { tag, ...change } of edges) {
          for (const when of ["before", "after"] as const) {
            if (change[when] !== undefined) sides[when].push(`${image} ${change[when].digest} ${tag ?? ""}`);
          }
        }
      }
      const texts = (edges: readonly (readonly string[])[]) =>
        edges
          .filter(([, digest = ""]) => isDigest.test(digest))
          .map((edge) => edge.join(" "))
          .sort();
      expect([name, sides.after.sort()]).toEqual([name, texts(known.edges_added)]);
      expect([name, sides.before.sort()]).toEqual([name, texts(known.edges_removed)]);
    }
    expect(found.length).toBe(16);
  });
});

describeShared("the production tree of June 2024", "k8s.io/registry.k8s.io", (tree) => {
  it("does not differ from a copy that is written otherwise, and in one line from one with a line less", async () => {
    const copy = join(folder.path, "copy");
    await cp(tree, copy, { recursive: true });
    const file = join(copy, "images/k8s-staging-coredns/images.yaml");
    const text = await readFile(file, "utf8");
    await writeFile(file, `# a comment\n${text}`);
    const same = await readBothManifests(tree, copy);
    const written = compareManifests(same.before, same.after);
    expect({ differs: differs(written), rewritten: written.rewritten }).toEqual({
      differs: false,
      rewritten: [file],
    });

    const lines = text.split("\n");
    const last = lines.findLastIndex((line) => line.includes("sha256:"));
    await writeFile(file, lines.toSpliced(last, 1).join("\n"));
    const less = await readBothManifests(tree, copy);
    const changed = comparisonAsText(compareManifests(less.before, less.after)).split("\n");
    expect(changed).toHaveLength(2);
    expect(changed[0]).toMatch(/^removed \S+coredns\S* and \d+ more/);
    expect(changed[1]).toMatch(/^\d+ removed, \d+ unchanged$/);
  });
});
