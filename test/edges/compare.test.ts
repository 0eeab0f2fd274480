import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareManifests, type ManifestComparison } from "../../src/edges/index.ts";
import { readManifestTree } from "../../src/manifest/index.ts";
import type { ManifestTree, PromoterManifest } from "../../src/manifest/model.ts";
import { digestFor, type Images, manifestOf } from "../promotion/world.ts";
import { describeShared } from "../support/shared.ts";

const treeOf = (...manifests: PromoterManifest[]): ManifestTree => ({
  path: "tree",
  manifests,
  diagnostics: [],
  unreadable: [],
});

const project = (images: Images, destinations = ["us.io/prod", "eu.io/prod"], source = "gcr.io/foo") =>
  treeOf(manifestOf("foo", source, destinations, images));

/** Changes in short: kind, name, tag, and the digests' nicknames. */
function short({ repositories }: ManifestComparison, nicknames: readonly string[]): string[] {
  const nicknameOf = new Map(nicknames.map((name) => [digestFor(name), name]));
  return repositories.flatMap(({ destinations, edges }) =>
    edges.map(({ kind, tag, before, after }) => {
      const sides = [before, after].flatMap((side) =>
        side === undefined ? [] : nicknameOf.get(side.digest),
      );
      return `${kind} ${destinations.join(",")} ${tag ?? "-"} ${sides.join(">")}`;
    }),
  );
}

const base: Images = { app: { one: ["v1"], two: ["v2", "latest"] } };
const both = "eu.io/prod/app,us.io/prod/app";

describe("two states of a tree", () => {
  it.each<[string, ManifestTree, string[]]>([
    [
      "a tag that is added",
      project({ app: { one: ["v1", "v1.0"], two: ["v2", "latest"] } }),
      [`added ${both} v1.0 one`],
    ],
    ["a tag that is removed", project({ app: { one: ["v1"], two: ["v2"] } }), [`removed ${both} latest two`]],
    [
      "a tag that moves",
      project({ app: { one: ["v1", "latest"], two: ["v2"] } }),
      [`moved ${both} latest two>one`],
    ],
    [
      "a digest that is added, with and without tags",
      project({ app: { ...base.app, three: ["v3"], four: [] } }),
      [`added ${both} v3 three`, `added ${both} - four`],
    ],
    ["a digest that is removed", project({ app: { two: ["v2", "latest"] } }), [`removed ${both} v1 one`]],
    [
      "a digest that loses its tags is asked for without one",
      project({ app: { one: [], two: ["v2", "latest"] } }),
      [`added ${both} - one`, `removed ${both} v1 one`],
    ],
    [
      "a destination that is added",
      project(base, ["us.io/prod", "eu.io/prod", "asia.io/prod"]),
      ["added asia.io/prod/app v1 one", "added asia.io/prod/app v2 two", "added asia.io/prod/app latest two"],
    ],
    [
      "a destination that is removed",
      project({ app: { one: ["v1"] } }, ["us.io/prod"]),
      [
        "removed eu.io/prod/app v1 one",
        "removed eu.io/prod/app v2 two",
        "removed eu.io/prod/app latest two",
        "removed us.io/prod/app v2 two",
        "removed us.io/prod/app latest two",
      ],
    ],
    [
      "a source that changes",
      project({ app: { one: ["v1"] } }, ["us.io/prod"], "gcr.io/bar"),
      [
        "removed eu.io/prod/app v1 one",
        "removed eu.io/prod/app v2 two",
        "removed eu.io/prod/app latest two",
        "source-changed us.io/prod/app v1 one>one",
        "removed us.io/prod/app v2 two",
        "removed us.io/prod/app latest two",
      ],
    ],
  ])("%s", (_, after, changes) => {
    expect(short(compareManifests(project(base), after), ["one", "two", "three", "four"])).toEqual(changes);
  });

  it("a digest without tags that gets one is not removed", () => {
    const changes = compareManifests(project({ app: { one: [] } }), project({ app: { one: ["v1"] } }));
    expect(short(changes, ["one"])).toEqual([`added ${both} v1 one`]);
    expect(changes.repositories[0]).toMatchObject({ addedDigests: [], removedDigests: [] });
    expect(changes.edges).toEqual({ added: 2, removed: 0, moved: 0, "source-changed": 0, unchanged: 0 });
  });

  it("are the same whatever their order, blocks and projects are called", () => {
    const split = manifestOf("bar", "gcr.io/foo", ["eu.io/prod", "us.io/prod"], {
      app: { two: ["latest", "v2"] },
    });
    const rest = manifestOf("baz", "gcr.io/foo", ["us.io/prod", "eu.io/prod"], { app: { one: ["v1"] } });
    const compared = compareManifests(project(base), treeOf(split, rest));
    expect(compared.repositories).toEqual([]);
    expect(compared.edges).toMatchObject({ added: 0, removed: 0, unchanged: 6 });
    expect(compared.projects).toMatchObject([
      { project: "bar", kind: "changed", renamedFrom: "foo" },
      { project: "baz", kind: "added" },
    ]);
  });

  it("name the places of both sides, and the digests that are new", () => {
    const [change] = compareManifests(
      project({ app: { one: ["v1"] } }),
      project({ app: { one: [], two: ["v1"] } }),
    ).repositories;
    expect(change).toMatchObject({
      addedDigests: [digestFor("two")],
      removedDigests: [],
      edges: [
        { kind: "added", tag: null, after: { at: { file: "images/foo/images.yaml", line: 5, column: 1 } } },
        {
          kind: "moved",
          tag: "v1",
          before: {
            digest: digestFor("one"),
            sources: ["gcr.io/foo/app"],
            at: { file: "images/foo/images.yaml", line: 6, column: 1 },
          },
          after: {
            digest: digestFor("two"),
            sources: ["gcr.io/foo/app"],
            at: { file: "images/foo/images.yaml", line: 7, column: 1 },
          },
        },
      ],
    });
  });

  it("say which registries a project got and lost", () => {
    const { projects } = compareManifests(
      project(base),
      project(base, ["us.io/prod", "asia.io/prod"], "gcr.io/new"),
    );
    expect(projects).toEqual([
      {
        project: "foo",
        kind: "changed",
        source: {
          before: {
            name: "gcr.io/foo",
            at: { file: "manifests/foo/promoter-manifest.yaml", line: 1, column: 1 },
          },
          after: {
            name: "gcr.io/new",
            at: { file: "manifests/foo/promoter-manifest.yaml", line: 1, column: 1 },
          },
        },
        addedDestinations: [
          { name: "asia.io/prod", at: { file: "manifests/foo/promoter-manifest.yaml", line: 3, column: 1 } },
        ],
        removedDestinations: [
          { name: "eu.io/prod", at: { file: "manifests/foo/promoter-manifest.yaml", line: 3, column: 1 } },
        ],
      },
    ]);
  });

  it("of which one could not be read: what was is unknown, what is counts as added", () => {
    const unread = { ...treeOf(), unreadable: ["foo"] };
    expect(compareManifests(project(base), unread)).toMatchObject({
      edges: { removed: 0 },
      unreadable: { before: [], after: ["foo"] },
    });
    expect(compareManifests(unread, project(base))).toMatchObject({
      edges: { added: 6, unchanged: 0 },
      projects: [],
      unreadable: { before: ["foo"], after: [] },
    });
  });
});

describe("any two trees", () => {
  const images = fc.dictionary(
    fc.constantFrom("app", "web", "a/b"),
    fc.dictionary(
      fc.constantFrom("one", "two", "three"),
      fc.uniqueArray(fc.constantFrom("v1", "v2", "v3"), { maxLength: 3 }),
      { maxKeys: 3 },
    ),
    { maxKeys: 2 },
  );
  const manifest = fc
    .record({
      project: fc.constantFrom("p", "q", "r"),
      source: fc.constantFrom("gcr.io/foo", "gcr.io/bar"),
      // A destination below another one: two projects may write one repository by different names.
      destinations: fc.uniqueArray(fc.constantFrom("us.io/prod", "eu.io/prod", "us.io/prod/a"), {
        minLength: 1,
      }),
      images,
    })
    .map(({ project, source, destinations, images }) => manifestOf(project, source, destinations, images));
  const tree = fc
    .uniqueArray(manifest, { maxLength: 3, selector: ({ project }) => project })
    .map((manifests) => treeOf(...manifests));

  /** Edge → its staging repositories, the simple way. */
  function edgesOf({ manifests }: ManifestTree): Map<string, string> {
    const wants = new Map<string, { sources: Set<string>; tags: Set<string> }>();
    for (const { source, destinations, images } of manifests) {
      for (const { name } of destinations) {
        for (const image of images) {
          for (const { digest, tags } of image.digests) {
            const key = `${name}/${image.name} ${digest}`;
            const want = wants.get(key) ?? { sources: new Set(), tags: new Set() };
            want.sources.add(`${source.name}/${image.name}`);
            for (const { tag } of tags) want.tags.add(tag);
            wants.set(key, want);
          }
        }
      }
    }
    return new Map(
      [...wants].flatMap(([key, { sources, tags }]) =>
        (tags.size === 0 ? ["-"] : [...tags]).map((tag) => [`${key} ${tag}`, [...sources].sort().join(" ")]),
      ),
    );
  }

  it("differ in the edges that they differ in, and in no others", () => {
    fc.assert(
      fc.property(tree, tree, (before, after) => {
        const compared = compareManifests(before, after);
        const sides = { before: new Map<string, string>(), after: new Map<string, string>() };
        for (const { destinations, edges } of compared.repositories) {
          for (const name of destinations) {
            for (const { tag, ...change } of edges) {
              for (const when of ["before", "after"] as const) {
                const side = change[when];
                if (side === undefined) continue;
                sides[when].set(`${name} ${side.digest} ${tag ?? "-"}`, side.sources.join(" "));
              }
            }
          }
        }
        const [then, now] = [edgesOf(before), edgesOf(after)];
        const changed = [...now].filter(([edge, sources]) => then.get(edge) !== sources);
        expect(sides.after).toEqual(new Map(changed));
        const gone = [...then].filter(([edge, sources]) => now.get(edge) !== sources);
        // A digest that gets its first tag is still asked for.
        const replaced = gone.filter(
          ([edge]) =>
            edge.endsWith(" -") && [...now.keys()].some((other) => other.startsWith(edge.slice(0, -1))),
        );
        for (const [edge, sources] of replaced) sides.before.set(edge, sources);
        expect(sides.before).toEqual(new Map(gone));
        expect(compared.edges.unchanged).toBe(now.size - changed.length);
      }),
      { numRuns: 500 },
    );
  });

  it("do not differ from themselves", () => {
    fc.assert(
      fc.property(tree, (same) => {
        const { repositories, projects } = compareManifests(same, structuredClone(same));
        expect([repositories, projects]).toEqual([[], []]);
      }),
    );
  });
});

describeShared("the production tree of June 2024", "k8s.io/registry.k8s.io", (folder) => {
  it("is compared with another state of it without making its edges one by one", async () => {
    const tree = await readManifestTree(folder);
    const [first, ...others] = tree.manifests;
    if (first === undefined) throw new Error("no manifest");
    const more = {
      ...first,
      destinations: [...first.destinations, { ...first.source, name: "new.io/prod" }],
    };
    const same = compareManifests(structuredClone(tree), tree);
    expect([same.edges.unchanged, same.repositories, same.projects]).toEqual([720_456, [], []]);
    const widened = compareManifests(tree, { ...tree, manifests: [more, ...others] });
    expect(widened.edges).toMatchObject({ removed: 0, moved: 0, unchanged: 720_456 });
    expect(widened.projects).toMatchObject([{ addedDestinations: [{ name: "new.io/prod" }] }]);
    const everything = compareManifests({ ...tree, manifests: [] }, tree);
    expect(everything.edges).toMatchObject({ added: 720_456, unchanged: 0 });
    const changes = everything.repositories.reduce((sum, { edges }) => sum + edges.length, 0);
    expect(changes).toBeLessThan(25_000);
  });
});
