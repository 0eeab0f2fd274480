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
  `  - {id: other, signers: ["${signer}"]}`,
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
        { id: "other", signers: [signer] },
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
    ["no mode", "provenance:\n  sources: [a]\n", "6:3"],
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
    ["a level of the policy", sound.replace("level: 2", "level: 1"), "14:10"],
    ["a signer of another method", sound.replace(`["${signer}"`, '["key::a::b"'), "7:13"],
    ["a signer without an identity", sound.replace(`["${signer}"`, '["sigstore::a"'), "7:13"],
    ["an expression that is none", sound.replace("::.*@example'", "::('"), "7:68"],
    ["signers as text", sound.replace("sources: [github.com/org/p]", "sources: github.com/org/p"), "12:12"],
  ])("%s is an error with its place, and the project is not promoted", (_, provenance, place) => {
    const { registries: read, diagnostics } = parseRegistries(`${registries}${provenance}`, "p.yaml");
    expect(told(diagnostics)).toEqual([expect.stringContaining(`${place} invalid-provenance`)]);
    expect(read).toBeUndefined();
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
  expect(codes(await treeOf({ a: sound, b: sound.replace("level: 2", "level: 3") }))).toEqual([
    "provenance-differs",
  ]);
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
