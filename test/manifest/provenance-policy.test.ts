import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { compareManifests } from "../../src/edges/index.ts";
import { parseRegistries, readManifests } from "../../src/manifest/index.ts";
import { temporaryFolder } from "../support/tree.ts";
import { digestOfWord, told } from "./findings.ts";

const registries = "registries:\n- name: staging.example/p\n  src: true\n- name: prod.example/p\n";
const signer = "sigstore::https://accounts.example::builder@example";
const sound = [
  "provenance:",
  "  mode: warn",
  `  signers: ["${signer}", 'sigstore(identityMatch=regex)::https://.*::.*@example']`,
  "  builders:",
  "  - id: https://builder.example/v1",
  "    level: 3",
  `  - {id: other, level: 2, signers: ["${signer}"]}`,
  "  sources: [github.com/org/p]",
  "  predicateTypes: [https://slsa.dev/provenance/v1]",
  "  level: 2",
  "",
].join("\n");

function toldOf(provenance: string): string[] {
  return told(parseRegistries(`${registries}${provenance}`, "p.yaml").diagnostics);
}

describe("a policy of provenance", () => {
  test("is read as it is written", () => {
    const { registries: read, diagnostics } = parseRegistries(`${registries}${sound}`, "p.yaml");
    expect(diagnostics).toEqual([]);
    expect(read?.provenance).toEqual({
      mode: "warn",
      at: { line: 6, column: 9 },
      signers: [signer, "sigstore(identityMatch=regex)::https://.*::.*@example"],
      builders: [
        { id: "https://builder.example/v1", level: 3 },
        { id: "other", level: 2, signers: [signer] },
      ],
      sources: ["github.com/org/p"],
      predicateTypes: ["https://slsa.dev/provenance/v1"],
      level: 2,
    });
  });

  test("that is off needs nothing more, and null is none", () => {
    expect(toldOf("provenance:\n  mode: off\n")).toEqual([]);
    expect(toldOf("provenance:\n")).toEqual([]);
  });

  test("that requires provenance is as good as one that warns", () => {
    expect(toldOf(sound.replace("warn", "require"))).toEqual([]);
  });

  test.each([
    ["no mapping", "provenance: require\n", "5:13"],
    ["an unknown mode", sound.replace("warn", "required"), "6:9"],
    ["mode yes", sound.replace("warn", "yes"), "6:9"],
    ["no signers", sound.replace(/ {2}signers.*\n/, ""), "6:3"],
    ["empty sources", sound.replace("[github.com/org/p]", "[]"), "12:12"],
    ["a source with a revision", sound.replace("org/p", "org/p@main"), "12:13"],
    [
      "a builder as text",
      sound.replace("  - id: https://builder.example/v1\n    level: 3\n", "  - a\n"),
      "9:5",
    ],
    ["a builder without an id", sound.replace("id: https://builder.example/v1\n    ", ""), "9:5"],
    ["a level of a builder", sound.replace("level: 3", "level: 4"), "10:12"],
    ["a level of the policy", sound.replace("\n  level: 2", "\n  level: 1"), "14:10"],
    ["a signer of another method", sound.replace(`["${signer}"`, '["key::a::b"'), "7:13"],
    ["a signer without an identity", sound.replace(`["${signer}"`, '["sigstore::a"'), "7:13"],
    ["an expression that is none", sound.replace("::.*@example'", "::('"), "7:68"],
    ["signers as text", sound.replace("sources: [github.com/org/p]", "sources: github.com/org/p"), "12:12"],
  ])("%s is an error with its place, and the project is not promoted", (_, provenance, place) => {
    const { registries: read, diagnostics } = parseRegistries(`${registries}${provenance}`, "p.yaml");
    expect(told(diagnostics)).toEqual([expect.stringContaining(`${place} invalid-provenance`)]);
    expect(read).toBeUndefined();
  });

  test("without a mode is off, as it is for kpromo, and that is told where it says anything", () => {
    const { registries: read, diagnostics } = parseRegistries(
      `${registries}${sound.replace("  mode: warn\n", "")}`,
      "p.yaml",
    );
    expect(told(diagnostics)).toEqual([expect.stringContaining("6:3 provenance-off")]);
    expect(diagnostics.map(({ severity }) => severity)).toEqual(["warning"]);
    expect(read?.provenance).toMatchObject({ mode: "off", at: { line: 6, column: 3 }, level: 2 });
    expect(toldOf("provenance: {}\n")).toEqual([]);
    const empty = parseRegistries(`${registries}${sound.replace("mode: warn", "mode:")}`, "p.yaml");
    expect(told(empty.diagnostics)).toEqual([expect.stringContaining("6:3 provenance-off")]);
    expect(empty.registries?.provenance?.mode).toBe("off");
  });

  test("of level 0 demands no level, as Go reads it", () => {
    const { registries: read, diagnostics } = parseRegistries(
      `${registries}${sound.replace("\n  level: 2", "\n  level: 0")}`,
      "p.yaml",
    );
    expect(told(diagnostics)).toEqual([]);
    expect(read?.provenance).toMatchObject({ mode: "warn", level: undefined });
  });

  test("of the shape that kpromo's documentation recommends is sound: two builders, each with its own signers and level", () => {
    const generator =
      "sigstore(identityMatch=regex)::https://ci.example::https://git\\.example/p/provenance\\.yml@refs/tags/v[0-9.]+";
    const lines = [
      "provenance:",
      "  mode: require",
      `  signers:\n  - ${signer}\n  - ${generator}`,
      "  builders:",
      "  - id: https://build.example/accounts/p@example/cloudbuild.yaml\n    level: 1",
      `  - id: https://git.example/p/provenance.yml\n    level: 3\n    signers:\n    - ${generator}`,
      "  sources:\n  - git.example/p",
      "  predicateTypes:\n  - https://spdx.dev/Document",
      '  levels:\n  - images: ["p", "charts/*"]\n    level: 3',
    ];
    expect(toldOf(`${lines.join("\n")}\n`)).toEqual([]);
  });

  const levels = `${sound}  levels:\n  - images: [spoc, "charts/*"]\n    level: 3\n`;
  const callers = sound.replace(
    "    level: 3\n",
    "    level: 3\n    caller:\n      workflows: [.github/workflows/build.yml]\n      refs: [refs/tags/v*]\n",
  );

  test("has levels of images, and callers of builders", () => {
    expect(toldOf(levels)).toEqual([]);
    expect(toldOf(callers)).toEqual([]);
    expect(parseRegistries(`${registries}${levels}`, "p.yaml").registries?.provenance?.levels).toEqual([
      { images: ["spoc", "charts/*"], level: 3 },
    ]);
    const { builders } = parseRegistries(`${registries}${callers}`, "p.yaml").registries?.provenance ?? {};
    expect(builders?.[0]?.caller).toEqual({
      workflows: [".github/workflows/build.yml"],
      refs: ["refs/tags/v*"],
    });
    expect(toldOf(callers.replace(/ {4}caller:[\s\S]*v\*\]\n/, "    caller:\n"))).toEqual([]);
  });

  const second = (builder: string): string => sound.replace(/ {2}- \{id: other.*\n/, `  - ${builder}\n`);

  // What kpromo refuses when it reads a policy (promoter/image/provenance/policy.go and caller.go), each at its place.
  test.each([
    ["a builder without a level", sound.replace("    level: 3\n", ""), "9:5"],
    ["an empty level of a builder", sound.replace("level: 3", "level:"), "10:11"],
    ["a builder's id of spaces", sound.replace("https://builder.example/v1", '" "'), "9:9"],
    ["a builder that stands twice", second("{id: https://builder.example/v1, level: 3}"), "11:5"],
    [
      "a builder that stands twice, with and without signers",
      second(`{id: https://builder.example/v1, level: 3, signers: ["${signer}"]}`),
      "11:5",
    ],
    [
      "a builder at one revision that another is at any of",
      second(`{id: "https://builder.example/v1@main", level: 3, signers: ["${signer}"]}`),
      "11:5",
    ],
    ["a builder's signer who is none of the policy's", second('{id: b, level: 3, signers: ["x"]}'), "11:33"],
    ["a builder's signer that is empty", second('{id: b, level: 3, signers: [""]}'), "11:33"],
    ["a level that no signer reaches", second("{id: b, level: 1}"), "14:10"],
    ["a source of spaces", sound.replace("[github.com/org/p]", '[" "]'), "12:13"],
    ["a type of spaces", sound.replace("[https://slsa.dev/provenance/v1]", '[" "]'), "13:20"],
    ["an item of levels without images", levels.replace('images: [spoc, "charts/*"]\n    ', ""), "16:5"],
    ["an item of levels whose images are empty", levels.replace('[spoc, "charts/*"]', "[]"), "16:13"],
    ["an item of levels without a level", levels.replace(/ {4}level: 3\n$/, ""), "16:5"],
    ["an empty pattern", levels.replace("spoc", '" "'), "16:14"],
    ["a pattern that is none", levels.replace("spoc", '"spoc["'), "16:14"],
    ["a pattern with a slash in front", levels.replace("spoc", "/spoc"), "16:14"],
    ["a pattern with a slash behind", levels.replace("spoc", "spoc/"), "16:14"],
    ["level 1 of images, which demands nothing", levels.replace(/level: 3\n$/, "level: 1\n"), "17:12"],
    ["level 4 of images", levels.replace(/level: 3\n$/, "level: 4\n"), "17:12"],
    [
      "a level of images that no signer reaches",
      levels.replace("level: 3", "level: 2").replace(/ {2}- \{id: other.*\n/, ""),
      "16:12",
    ],
    ["a caller without refs", callers.replace("      refs: [refs/tags/v*]\n", ""), "12:7"],
    ["a caller with a ref that is short", callers.replace("refs/tags/v*", "v*"), "13:14"],
    ["a caller with a ref that is no pattern", callers.replace("refs/tags/v*", '"refs/tags/["'), "13:14"],
    ["a caller with events", callers.replace("      refs:", "      events: [push]\n      refs:"), "13:15"],
    ["a workflow elsewhere", callers.replace(".github/workflows/build.yml", "build.yml"), "12:19"],
    ["a workflow that leads elsewhere", callers.replace("workflows/build", "workflows/../build"), "12:19"],
    ["a workflow with a revision", callers.replace("build.yml", "build.yml@main"), "12:19"],
  ])("%s is refused at its place, as kpromo refuses it", (_, provenance, place) => {
    const { registries: read, diagnostics } = parseRegistries(`${registries}${provenance}`, "p.yaml");
    expect(told(diagnostics)).toEqual([expect.stringContaining(`${place} invalid-provenance`)]);
    expect(read).toBeUndefined();
  });

  test.each([
    ["builders that overlap and name nobody", second('{id: "https://builder.example/v1@main", level: 3}')],
    [
      "builders of which one begins like the other",
      second(`{id: https://builder.example/v12, level: 3, signers: ["${signer}"]}`),
    ],
  ])("%s stand beside each other", (_, provenance) => {
    expect(toldOf(provenance)).toEqual([]);
  });

  test("under a misspelled key, or with one, is none", () => {
    for (const text of [sound.replace("provenance", "provenence"), sound.replace("  mode", "  made")]) {
      expect(parseRegistries(`${registries}${text}`, "p.yaml").registries).toBeUndefined();
    }
  });
});

async function treeOf(policies: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder("policy");
  for (const [project, policy] of Object.entries(policies)) {
    const files = {
      [`manifests/${project}/promoter-manifest.yaml`]: `${registries}${policy}`,
      [`images/${project}/images.yaml`]: `- name: ${project}\n  dmap:\n    "${digestOfWord(project)}": ["1.0"]\n`,
    };
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder.path, name)), { recursive: true });
      await writeFile(join(folder.path, name), text);
    }
  }
  const tree = await readManifests(folder.path);
  await folder.remove();
  return tree;
}

test("manifests with the same staging registry have the same policy", async () => {
  const codes = (tree: Awaited<ReturnType<typeof treeOf>>) => tree.diagnostics.map(({ code }) => code);
  expect(codes(await treeOf({ a: sound, b: `\n${sound}` }))).toEqual([]);
  expect(codes(await treeOf({ a: sound, b: "" }))).toEqual(["provenance-differs"]);
  expect(codes(await treeOf({ a: sound, b: sound.replace("\n  level: 2", "\n  level: 3") }))).toEqual([
    "provenance-differs",
  ]);
  // Order means nothing, nor does what a policy says that is off.
  const turned = sound.replace(/( {2}- id: https.*\n.*\n)( {2}- \{.*\n)/, "$2$1");
  expect(turned).not.toBe(sound);
  expect(codes(await treeOf({ a: sound, b: turned }))).toEqual([]);
  expect(codes(await treeOf({ a: sound.replace("warn", "off"), b: "" }))).toEqual([]);
});

test("another policy is a change, and no other way to write the same", async () => {
  const compared = async (before: string, after: string) =>
    compareManifests(await treeOf({ a: before }), await treeOf({ a: after }));
  const { projects } = await compared(sound.replace("warn", "require"), sound);
  expect(projects).toMatchObject([{ kind: "changed", provenance: { before: "require", after: "warn" } }]);
  expect((await compared(sound, "")).projects).toMatchObject([
    { provenance: { before: "warn", after: "off" } },
  ]);
  expect((await compared(sound, `\n${sound}`)).projects).toEqual([]);
});

test("a pattern of levels that means no image is told, and stops nothing", async () => {
  const { diagnostics, manifests } = await treeOf({
    a: `${sound}  levels:\n  - images: [a, "b*", registry.example/a]\n    level: 3\n`,
  });
  expect(told(diagnostics)).toEqual([
    expect.stringContaining("6:9 provenance-unmatched"),
    expect.stringContaining("6:9 provenance-unmatched"),
  ]);
  expect(manifests).toHaveLength(1);
});

test("a policy with a fault lets nothing of its own manifest pass, and stops no other", async () => {
  const other = sound.replace("mode: warn", "mode: require");
  const folder = await treeOf({ a: sound.replace("    level: 3\n", ""), b: other });
  expect(folder.manifests.map(({ project }) => project)).toEqual(["b"]);
  expect(told(folder.diagnostics)).toEqual([expect.stringContaining("9:5 invalid-provenance")]);
});
