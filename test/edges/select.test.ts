import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  changedEdges,
  checkTree,
  desiredRepositories,
  type EdgeSet,
  edgesOf,
  type ManifestComparison,
  parseSelection,
  SelectionError,
  type SelectionPatterns,
  selectChanges,
  selectEdges,
  selectedFindings,
} from "../../src/edges/index.ts";
import { partsOf } from "../../src/edges/select.ts";
import { type ManifestTree, parsePlainManifest } from "../../src/manifest/index.ts";
import { digestOfWord } from "../manifest/findings.ts";

/** Image → digest's word → tags. */
type Images = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

interface Given {
  readonly name: string;
  readonly source?: string;
  readonly destinations: readonly string[];
  readonly images: Images;
}

function treeOf(projects: readonly Given[], unreadable: readonly string[] = []): ManifestTree {
  const parsed = projects.map(({ name, source = `gcr.io/staging-${name}`, destinations, images }) => {
    const text = [
      `registries: [{name: ${source}, src: true}, ${destinations.map((to) => `{name: ${to}}`).join(", ")}]`,
      "images:",
      ...Object.entries(images).flatMap(([image, digests]) => [
        `- name: ${image}`,
        "  dmap:",
        ...Object.entries(digests).map(
          ([word, tags]) => `    "${digestOfWord(word)}": [${tags.map((tag) => `"${tag}"`).join(", ")}]`,
        ),
      ]),
    ].join("\n");
    const file = `tree/manifests/${name}/promoter-manifest.yaml`;
    const { registries, images: read = [], diagnostics } = parsePlainManifest(text, file);
    if (registries === undefined) throw new Error(JSON.stringify(diagnostics));
    return { manifest: { project: name, file, imagesFile: file, ...registries, images: read }, diagnostics };
  });
  return {
    path: "tree",
    manifests: parsed.map(({ manifest }) => manifest),
    diagnostics: parsed.flatMap(({ diagnostics }) => diagnostics),
    unreadable,
  };
}

/** Every edge as `destination word tag`. */
function shown(edges: EdgeSet): string[] {
  const words = new Map(["0", "1", "2"].map((word) => [digestOfWord(word), word]));
  return desiredRepositories(edges).flatMap(({ destination, images }) =>
    images.flatMap(({ digest, tags }) =>
      (tags.length === 0 ? ["-"] : tags.map(({ tag }) => tag)).map(
        (tag) => `${destination} ${words.get(digest)} ${tag}`,
      ),
    ),
  );
}

async function selectIn(tree: ManifestTree, asked: Partial<SelectionPatterns>) {
  const selection = await parseSelection(asked);
  if (selection === undefined) throw new Error("nothing is asked for");
  return selectEdges(edgesOf(tree.manifests), tree, selection);
}

async function refusal(tree: ManifestTree, asked: Partial<SelectionPatterns>): Promise<SelectionError> {
  const error = await selectIn(tree, asked).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof SelectionError) return error;
  throw error ?? new Error("nothing was thrown");
}

const tree = treeOf([
  {
    name: "k8s-staging-kops",
    destinations: ["us.gcr.io/prod/kops", "eu.gcr.io/prod/kops"],
    images: { controller: { "0": ["v1.30.0", "v1.30"], "1": ["v1.31.0"] }, "tools/cli": { "2": [] } },
  },
  { name: "etcd", destinations: ["us.gcr.io/prod"], images: { etcd: { "0": ["v3.5.0"] } } },
]);

describe("what is selected", () => {
  test.each<[string, Partial<SelectionPatterns>, string[]]>([
    ["a project", { projects: ["etcd"] }, ["us.gcr.io/prod/etcd 0 v3.5.0"]],
    [
      "an image, by its name in its project",
      { images: ["tools/cli"] },
      ["eu.gcr.io/prod/kops/tools/cli 2 -", "us.gcr.io/prod/kops/tools/cli 2 -"],
    ],
    [
      "an image, as its staging repository",
      { images: ["gcr.io/staging-k8s-staging-kops/tools/*"] },
      ["eu.gcr.io/prod/kops/tools/cli 2 -", "us.gcr.io/prod/kops/tools/cli 2 -"],
    ],
    [
      "an image, as one of its production repositories",
      { images: ["eu.gcr.io/prod/kops/tools/cli"] },
      ["eu.gcr.io/prod/kops/tools/cli 2 -"],
    ],
    [
      "tags: a digest keeps no others, and one without any is none",
      { tags: ["semver:>=1.30 <1.31"], to: ["us.gcr.io"] },
      ["us.gcr.io/prod/kops/controller 0 v1.30.0"],
    ],
    [
      "a registry, and all below it",
      { to: ["eu.gcr.io/prod"], tags: ["*"] },
      [
        "eu.gcr.io/prod/kops/controller 0 v1.30.0",
        "eu.gcr.io/prod/kops/controller 0 v1.30",
        "eu.gcr.io/prod/kops/controller 1 v1.31.0",
      ],
    ],
    [
      "all of them together",
      { projects: ["*kops"], images: ["c*"], tags: ["v1.31.0"], to: ["us.*"] },
      ["us.gcr.io/prod/kops/controller 1 v1.31.0"],
    ],
  ])("%s", async (_, asked, meant) => {
    const { edges, selected } = await selectIn(tree, asked);
    expect(shown(edges)).toEqual(meant);
    expect(selected.others).toBe(9 - meant.length);
  });

  test("what is outside is still seen: sources, and who contends for a tag", async () => {
    const contending = treeOf([
      { name: "a", destinations: ["us.gcr.io/prod"], images: { app: { "0": ["v1"] } } },
      { name: "b", destinations: ["us.gcr.io/prod"], images: { app: { "0": ["v1", "v2"], "1": ["v1"] } } },
    ]);
    const whole = desiredRepositories(edgesOf(contending.manifests));
    const { edges } = await selectIn(contending, { projects: ["a"] });
    expect(shown(edges)).toEqual(["us.gcr.io/prod/app 0 v1"]);
    const [left] = desiredRepositories(edges);
    expect(left?.contested).toEqual(whole[0]?.contested);
    expect(left?.images[0]?.sources).toEqual(whole[0]?.images[0]?.sources);
  });
});

test("who asks for a digest alone gets it looked at, whoever else asks for tags of it", async () => {
  const shared = treeOf([
    { name: "a", destinations: ["us.gcr.io/prod"], images: { app: { "0": [] } } },
    { name: "b", destinations: ["us.gcr.io/prod"], images: { app: { "0": ["v1", "v2"] } } },
  ]);
  const { edges, selected } = await selectIn(shared, { projects: ["a"] });
  expect(shown(edges)).toEqual(["us.gcr.io/prod/app 0 -"]);
  expect(selected.others).toBe(1);
});

test("an image that is left out of one registry is selected for the others, and so is what is wrong with it", async () => {
  const mirrored = treeOf([
    {
      name: "a",
      destinations: ["us.gcr.io/prod", "eu.gcr.io/prod"],
      images: { app: { "0": ["v1", "no/tag"] } },
    },
  ]);
  const asked = { images: ["!us.gcr.io/prod/app"] };
  const { edges } = await selectIn(mirrored, asked);
  expect(shown(edges)).toEqual(["eu.gcr.io/prod/app 0 v1"]);
  const selection = await parseSelection(asked);
  if (selection === undefined) throw new Error("nothing is asked for");
  expect(selectedFindings(mirrored, selection).within).toHaveLength(1);
});

describe("what selects nothing is refused", () => {
  test.each<[Partial<SelectionPatterns>, string, string]>([
    [{ projects: ["kops"] }, "--project kops selects nothing", "did you mean k8s-staging-kops?"],
    [{ projects: ["etcd", "kosp"] }, "--project kosp selects nothing", "there are etcd, k8s-staging-kops"],
    [{ images: ["contoller"] }, "--image contoller selects nothing", "did you mean controller?"],
    [{ projects: ["etcd"], images: ["controller"] }, "--image controller selects nothing", "there are etcd"],
    [{ tags: ["v1.32.*"] }, "--tag v1.32.* selects nothing", "did you mean v1.30.0 or v1.31.0?"],
    [{ to: ["asia.gcr.io"] }, "--to asia.gcr.io selects nothing", "did you mean us.gcr.io/prod?"],
    [
      { images: ["tools/*"], tags: ["v1.30"] },
      "nothing has all of --image 'tools/*' --tag v1.30",
      "each of them selects something, but not together: leave one out",
    ],
  ])("%j", async (asked, message, hint) => {
    const error = await refusal(tree, asked);
    expect(error.code).toBe("nothing-selected");
    expect(error.message).toBe(message);
    if (!("to" in asked)) expect(error.hint).toBe(hint);
  });

  test("but not of a project that cannot be read: nobody knows what it has", async () => {
    const { edges } = await selectIn(treeOf([], ["etcd"]), { projects: ["etcd"], tags: ["v9"] });
    expect(shown(edges)).toEqual([]);
  });
});

test("findings are told apart by the project and the image that they are about", async () => {
  const sick = treeOf([
    {
      name: "a",
      destinations: ["us.gcr.io/prod"],
      images: { app: { "0": ["no/tag"] }, web: { "0": ["no/tag"] } },
    },
    { name: "b", destinations: ["eu.gcr.io/prod"], images: { app: { "0": ["no/tag"] } } },
  ]);
  const linesOf = async (asked: Partial<SelectionPatterns>) => {
    const selection = await parseSelection(asked);
    if (selection === undefined) throw new Error("nothing is asked for");
    const { within, others } = selectedFindings(sick, selection);
    expect(within.length + others.length).toBe(sick.diagnostics.length);
    return within.map(({ file, at }) => `${file.split("/")[2]}:${at?.line}`);
  };
  expect(await linesOf({ projects: ["a"] })).toEqual(["a:5", "a:8"]);
  expect(await linesOf({ images: ["app"] })).toEqual(["a:5", "b:5"]);
  expect(await linesOf({ to: ["eu.gcr.io"] })).toEqual(["b:5"]);
});

const some = <Value>(...values: Value[]) => fc.uniqueArray(fc.constantFrom(...values), { maxLength: 2 });

/** Trees of up to three projects, which meet in production. */
const someProjects = (() => {
  const images = fc.dictionary(
    fc.constantFrom("app", "web", "tools/app"),
    fc.dictionary(
      fc.constantFrom("0", "1", "2"),
      fc.uniqueArray(fc.constantFrom("v1", "v2", "latest"), { maxLength: 2 }),
      { minKeys: 1 },
    ),
    { maxKeys: 3 },
  );
  const registry = fc.constantFrom("us.gcr.io/prod", "us.gcr.io/prod/tools", "eu.gcr.io/prod");
  const project = fc.record({
    name: fc.constantFrom("p", "q", "r"),
    source: fc.constantFrom("gcr.io/one", "gcr.io/two"),
    destinations: fc.uniqueArray(registry, { minLength: 1 }),
    images,
  });
  return fc.uniqueArray(project, { maxLength: 3, selector: ({ name }) => name });
})();

const someSelection = fc.record({
  projects: some("{p,none}", "q*"),
  images: some(
    ...["*", "tools/*", "{web,none}", "gcr.io/one/*", "us.gcr.io/prod/{app,web}", "!us.gcr.io/prod/app"],
  ),
  tags: some("v*", "{latest,none}", "regex:v1"),
  to: some("us.*", "us.gcr.io/prod/t*", "eu.gcr.io/{prod,none}"),
});

test("what is selected of a change is what is selected in either of its states", async () => {
  const kinds = ["added", "removed", "moved", "source-changed"] as const;
  const edgesIn = ({ repositories }: ManifestComparison) =>
    repositories.flatMap(({ destinations, edges }) =>
      destinations.flatMap((destination) => edges.map((edge) => ({ destination, ...edge }))),
    );
  await fc.assert(
    fc.asyncProperty(someProjects, someProjects, someSelection, async (then, now, patterns) => {
      const selection = await parseSelection(patterns);
      fc.pre(selection !== undefined);
      const [before, after] = [treeOf(then), treeOf(now)];
      const whole = changedEdges(before, after);
      const limited = (() => {
        try {
          return selectChanges(whole, before, after, selection);
        } catch (error) {
          if (error instanceof SelectionError && error.code === "nothing-selected") return undefined;
          throw error;
        }
      })();
      fc.pre(limited !== undefined);
      const wanted = [before, after].map(
        ({ manifests }) => new Set(shown(edgesOf(partsOf(manifests, selection)))),
      );
      const words = new Map(["0", "1", "2"].map((word) => [digestOfWord(word) as string, word]));
      const keyOf = (
        destination: string,
        tag: string | null,
        side: { readonly digest: string } | undefined,
      ) => side && `${destination} ${words.get(side.digest)} ${tag ?? "-"}`;
      const meant = edgesIn(whole.changes).filter(({ destination, tag, before: was, after: is }) =>
        [
          wanted[0]?.has(keyOf(destination, tag, was) ?? ""),
          wanted[1]?.has(keyOf(destination, tag, is) ?? ""),
        ].some(Boolean),
      );
      const sorted = (edges: readonly object[]) => edges.map((edge) => JSON.stringify(edge)).sort();
      expect(sorted(edgesIn(limited.changes))).toEqual(sorted(meant));
      for (const kind of kinds) {
        expect(limited.changes.edges[kind]).toBe(meant.filter((edge) => edge.kind === kind).length);
      }
      expect(limited.selected.others).toBe(edgesIn(whole.changes).length - meant.length);
    }),
  );
});

test("what is selected is what a line asks for that fits, and nothing else of it is another", async () => {
  const values = new Map<string, (...names: string[]) => boolean>([
    ["{p,none}", (name) => name === "p"],
    ["q*", (name) => name === "q"],
    ["*", (name) => !name.includes("/")],
    ["tools/*", (name) => name === "tools/app"],
    ["{web,none}", (name) => name === "web"],
    ["gcr.io/one/*", (_, source) => /^gcr\.io\/one\/[^/]+$/.test(source ?? "")],
    ["us.gcr.io/prod/{app,web}", (_, __, to) => to === "us.gcr.io/prod/app" || to === "us.gcr.io/prod/web"],
    ["v*", (name) => name.startsWith("v")],
    ["{latest,none}", (name) => name === "latest"],
    ["regex:v1", (name) => name === "v1"],
    ["!us.gcr.io/prod/app", (_, __, to) => to !== "us.gcr.io/prod/app"],
    ["us.*", (name) => name.startsWith("us.gcr.io/")],
    ["us.gcr.io/prod/t*", (name) => name === "us.gcr.io/prod/tools"],
    ["eu.gcr.io/{prod,none}", (name) => name === "eu.gcr.io/prod"],
  ]);
  const digestIn = (edge: string) => edge.replace(/ [^ ]*$/, "");
  const fits = (texts: readonly string[], ...names: string[]) =>
    texts.length === 0 || texts.some((text) => values.get(text)?.(...names));
  await fc.assert(
    fc.asyncProperty(someProjects, someSelection, async (projects, patterns) => {
      const meant = new Set(
        projects.flatMap(({ name, source, destinations, images: held }) =>
          destinations.flatMap((to) =>
            Object.entries(held).flatMap(([image, digests]) =>
              Object.entries(digests).flatMap(([word, tags]) =>
                (tags.length === 0 ? ["-"] : tags)
                  .filter(
                    (tag) =>
                      fits(patterns.projects, name) &&
                      fits(patterns.to, to) &&
                      fits(patterns.images, image, `${source}/${image}`, `${to}/${image}`) &&
                      (patterns.tags.length === 0 || (tag !== "-" && fits(patterns.tags, tag))),
                  )
                  // Who asks for a tag of a digest asks for the digest as well.
                  .map((tag) => `${to}/${image} ${word} ${tag}`),
              ),
            ),
          ),
        ),
      );
      const selection = await parseSelection(patterns);
      fc.pre(selection !== undefined);
      const all = treeOf(projects);
      const whole = edgesOf(all.manifests);
      const left = await selectIn(all, patterns).catch((error: unknown) => {
        if (error instanceof SelectionError && error.code === "nothing-selected") return undefined;
        throw error;
      });
      const tagged = new Set([...meant].flatMap((edge) => (edge.endsWith(" -") ? [] : digestIn(edge))));
      expect(new Set(left === undefined ? [] : shown(left.edges))).toEqual(
        new Set([...meant].filter((edge) => !edge.endsWith(" -") || !tagged.has(digestIn(edge)))),
      );
      const known = new Map(desiredRepositories(whole).map((one) => [one.destination, one]));
      for (const { destination, images: few, contested } of desiredRepositories(left?.edges ?? whole)) {
        const all = known.get(destination);
        expect(contested).toEqual(all?.contested);
        for (const { digest, sources } of few) {
          expect(sources).toEqual(all?.images.find((image) => image.digest === digest)?.sources);
        }
      }
    }),
  );
});

test("a check of what is selected counts and tells that alone, and sees who contends for it", async () => {
  const contending = treeOf([
    {
      name: "a",
      destinations: ["us.gcr.io/prod"],
      images: { app: { "0": ["v1"] }, web: { "1": ["no/tag"] } },
    },
    { name: "b", destinations: ["us.gcr.io/prod"], images: { app: { "1": ["v1"] } } },
    { name: "c", destinations: ["us.gcr.io/prod"], images: { app: { "1": ["v1"], "2": ["v2"] } } },
  ]);
  const check = async (asked: Partial<SelectionPatterns>) =>
    checkTree(contending, await parseSelection(asked));
  const { counts, diagnostics, overlaps, selection } = await check({ projects: ["a"], images: ["app"] });
  expect(counts).toMatchObject({ projects: 1, images: 1, digests: 1, tags: 1, edges: 1 });
  expect(diagnostics.map(({ code }) => code)).toEqual(["overlap"]);
  expect(overlaps[0]?.claims.map(({ project }) => project)).toEqual(["a", "b", "c"]);
  expect(selection).toMatchObject({ projects: ["a"], others: 2 });
  const codes = (await check({ images: ["web"] })).diagnostics.map(({ code }) => code);
  expect(codes).toEqual(["invalid-tag"]);
});
