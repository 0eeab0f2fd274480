import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkManifests } from "../../src/check/index.ts";
import { parsePlainManifest, readPlainManifest } from "../../src/manifest/index.ts";
import { temporaryFolder } from "../support/tree.ts";
import { digestOfWord, told } from "./findings.ts";

const a = digestOfWord("a");
const registries = "registries:\n- name: gcr.io/bar\n  src: true\n- name: gcr.io/foo\n";

function toldOf(text: string): string[] {
  return told(parsePlainManifest(text, "plain.yaml").diagnostics);
}

describe("a plain manifest", () => {
  test.each([
    ["an empty list of images", `${registries}images: []\n`],
    ["a null list of images", `${registries}images:\n`],
    ["no images", registries],
  ])("%s is a stub", (_, text) => {
    const { registries, images, diagnostics } = parsePlainManifest(text, "plain.yaml");
    expect([registries?.source.name, images, diagnostics]).toEqual(["gcr.io/bar", [], []]);
  });

  test("values stay as they are written", () => {
    const text = `${registries}images:\n- name: agave\n  dmap:\n    "${a}": ["latest"]\n- name: banana\n  dmap:\n    "${digestOfWord("b")}": [ "1.8.3" ]  # comment\n`;
    const { images } = parsePlainManifest(text, "plain.yaml");
    expect(
      images?.map(({ name, digests }) => [name, digests.map(({ tags }) => tags.map(({ tag }) => tag))]),
    ).toEqual([
      ["agave", [["latest"]]],
      ["banana", [["1.8.3"]]],
    ]);
  });

  test("problems of both halves come at once", () => {
    expect(toldOf(`registries:\n- name: gcr.io/foo\nimages:\n- name: Foo\n`)).toEqual([
      "2:1 no-source source registry must be set",
      "4:3 missing-dmap images: 'dmap' field cannot be empty",
      "4:9 invalid-image-name invalid image name: Foo (repository names are lower case)",
    ]);
  });

  test.each<[string, string, string[]]>([
    ["an empty document", "", ["1:1 no-registries 'registries' field cannot be empty"]],
    [
      "imagesPath",
      `${registries}imagesPath: x\n`,
      ['5:1 unknown-key unknown key "imagesPath" in a plain manifest'],
    ],
    [
      "images twice",
      `${registries}images: []\nimages: []\n`,
      ["6:1 duplicate-key the key images stands twice"],
    ],
    ["images as a mapping", `${registries}images: {a: b}\n`, ["5:9 wrong-type images must be a list"]],
    [
      "misspelt images",
      `${registries}imgaes: []\n`,
      ['5:1 unknown-key unknown key "imgaes" in a plain manifest'],
    ],
  ])("%s", (_, text, findings) => {
    expect(toldOf(text)).toEqual(findings);
  });
});

describe("a plain manifest in a file", () => {
  test("is a tree of one project; both of its files are this one", async () => {
    const folder = await temporaryFolder("plain");
    try {
      const file = join(folder.path, "plain.yaml");
      await writeFile(file, `${registries}images:\n- name: x\n  dmap:\n    "${a}": [v1, v2]\n`);
      const tree = await readPlainManifest(file);
      expect(tree.manifests).toMatchObject([{ project: "plain.yaml", file, imagesFile: file }]);
      expect((await checkManifests(file)).counts).toEqual({
        projects: 1,
        images: 1,
        digests: 1,
        tags: 2,
        destinations: 1,
        repositories: 1,
        edges: 2,
      });
      await writeFile(file, "registries: []\n");
      expect(await readPlainManifest(file)).toMatchObject({ manifests: [], unreadable: ["plain.yaml"] });
    } finally {
      await folder.remove();
    }
  });

  test("that is not there", async () => {
    const tree = await readPlainManifest("/nowhere/plain.yaml");
    expect([told(tree.diagnostics), tree.unreadable]).toEqual([
      ["unreadable-file it cannot be read: no such file or directory"],
      ["plain.yaml"],
    ]);
  });

  test("a path that is nothing at all is reported as a directory would be", async () => {
    expect(told((await checkManifests("/nowhere")).diagnostics)).toEqual([
      "missing-directory no such file or directory",
    ]);
  });
});
