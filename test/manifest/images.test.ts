import { describe, expect, test } from "vitest";
import { parseImages } from "../../src/manifest/index.ts";
import { digestOfWord, told } from "./findings.ts";

const a = digestOfWord("a");
const b = digestOfWord("b");

/** What was read, as image → digest → tags; the blocks of one name one after the other. */
function readAs(text: string): unknown {
  return parseImages(text, "images.yaml").images?.map(({ name, digests }) => [
    name,
    digests.map(({ digest, tags }) => [digest, tags.map(({ tag }) => tag)]),
  ]);
}

function toldOf(text: string): string[] {
  return told(parseImages(text, "images.yaml").diagnostics);
}

/** An image with one digest, and its tags as they are written. */
function withTags(tags: string): string {
  return `- name: foo\n  dmap:\n    "${a}": ${tags}\n`;
}

describe("what is read as it is written", () => {
  test.each([
    [
      "[1.10, 1.0, 1e3, 0x10, 010, true, yes, no]",
      ["1.10", "1.0", "1e3", "0x10", "010", "true", "yes", "no"],
    ],
    ["[2020-01-01]", ["2020-01-01"]],
    [`["1.10", '1.0']`, ["1.10", "1.0"]],
    ["[ 1.8.3 ]  # comment", ["1.8.3"]],
    ['["null", "~"]', ["null"]],
    ["\n    - 1.0\n    - 1.10 # x", ["1.0", "1.10"]],
    ["\n      - v1", ["v1"]],
    ["[]", []],
    ["", []],
    ["~", []],
  ])("tags %s", (written, tags) => {
    expect(readAs(withTags(written))).toEqual([["foo", [[a, tags]]]]);
  });

  test.each(["", "# no images yet\n", "---\n", "\uFEFF", "[]\n", "~\n", "\n\n\r\n"])(
    "%j lists no images, and that is fine",
    (text) => {
      expect(parseImages(text, "images.yaml")).toEqual({ images: [], diagnostics: [] });
    },
  );

  test.each([
    ["a bare digest", `- name: foo\n  dmap:\n    ${a}: [v1]\n`],
    ["CRLF", `- name: foo\r\n  dmap:\r\n    "${a}": ["v1"]\r\n`],
    ["no final newline", `- name: foo\n  dmap:\n    "${a}": ["v1"]`],
    ["a byte order mark", `\uFEFF- name: foo\n  dmap:\n    "${a}": ["v1"]\n`],
    ["dmap before name", `- dmap: {"${a}": [v1]}\n  name: foo\n`],
    ["flow style", `[{name: foo, dmap: {"${a}": ["v1"]}}]`],
    ["comments anywhere", `# 1\n- name: foo # 2\n  # 3\n  dmap: # 4\n    # 5\n    "${a}": ["v1"] # 6\n`],
    ["indented items", `  - name: foo\n    dmap:\n      "${a}": ["v1"]\n`],
    ["anchors", `- name: foo\n  dmap:\n    "${a}": &t ["v1"]\n`],
  ])("%s", (_, text) => {
    expect(readAs(text)).toEqual([["foo", [[a, ["v1"]]]]]);
    expect(toldOf(text)).toEqual([]);
  });

  test("a name that looks like a number, and one with a path", () => {
    expect(readAs(`- name: 123\n  dmap: {"${a}": []}\n- name: x/y__z\n  dmap: {"${a}": []}\n`)).toEqual([
      ["123", [[a, []]]],
      ["x/y__z", [[a, []]]],
    ]);
  });

  test("aliases and merge keys are what they stand for", () => {
    const text = `- &foo\n  name: foo\n  dmap: &d\n    "${a}": [v1]\n- name: bar\n  dmap: *d\n- <<: *foo\n  name: baz\n`;
    expect(readAs(text)).toEqual(["foo", "bar", "baz"].map((name) => [name, [[a, ["v1"]]]]));
    expect(toldOf(text)).toEqual([]);
  });

  test("places are those of the digest and of the tag", () => {
    const { images } = parseImages(`- name: foo\n  dmap:\n    "${a}":\n    - v1\n`, "images.yaml");
    expect(images).toEqual([
      {
        name: "foo",
        at: { line: 1, column: 3 },
        digests: [
          { digest: a, at: { line: 3, column: 5 }, tags: [{ tag: "v1", at: { line: 4, column: 7 } }] },
        ],
      },
    ]);
  });
});

test("all faults of an image are told at once", () => {
  const text = '- name: Foo\n  dmap:\n    "sha256:11": ["v 1", v2, "x y"]\n';
  expect(toldOf(text)).toEqual([
    "1:9 invalid-image-name invalid image name: Foo (repository names are lower case)",
    expect.stringContaining("3:5 invalid-digest invalid digest: sha256:11"),
    expect.stringContaining("3:19 invalid-tag invalid tag: v 1"),
    expect.stringContaining("3:30 invalid-tag invalid tag: x y"),
  ]);
  expect(readAs(text)).toEqual([]);
});

describe("one bad line stops one line", () => {
  const good = `- name: bar\n  dmap:\n    "${b}": ["v2"]\n`;
  const readGood = ["bar", [[b, ["v2"]]]];

  test.each<[string, string, string[]]>([
    [
      "a digest too short",
      `"${a.slice(0, -1)}": [v1]`,
      [`3:5 invalid-digest invalid digest: ${a.slice(0, -1)}`],
    ],
    ["an empty digest", `"": [v1]`, ["3:5 invalid-digest invalid digest: "]],
    [
      "sha512",
      `"sha512:${"0".repeat(128)}": []`,
      [`3:5 invalid-digest invalid digest: sha512:${"0".repeat(128)}`],
    ],
    ["no list", `"${a}": v1`, ["3:80 wrong-type the tags of a digest must be a list"]],
    ["a mapping", `"${a}": {v1: }`, ["3:80 wrong-type the tags of a digest must be a list"]],
    ["a null tag", `"${a}": [null]`, ["3:81 invalid-tag invalid tag: "]],
    ["an empty tag", `"${a}": [""]`, ["3:81 invalid-tag invalid tag: "]],
    ["an item without tag", `"${a}":\n    -\n`, ["4:6 invalid-tag invalid tag: "]],
    ["two tags in one", `"${a}": ["a,b"]`, ["3:81 invalid-tag invalid tag: a,b"]],
    ["a list in the list", `"${a}": [[v1]]`, ["3:81 wrong-type a tag must be text"]],
  ])("%s: its digest is left out", (_, line, findings) => {
    const text = `- name: foo\n  dmap:\n    ${line}\n    "${b}": [ok]\n${good}`;
    expect(readAs(text)).toEqual([["foo", [[b, ["ok"]]]], readGood]);
    expect(toldOf(text)).toEqual(findings);
  });

  test("a wrong tag beside good ones leaves the good ones", () => {
    expect(readAs(withTags(`["a b", v1, ~, "-x"]`))).toEqual([["foo", [[a, ["v1"]]]]]);
    expect(toldOf(withTags(`["a b", v1, ~, "-x"]`))).toEqual([
      "3:81 invalid-tag invalid tag: a b",
      "3:92 invalid-tag invalid tag: ",
      "3:95 invalid-tag invalid tag: -x",
    ]);
  });

  test("a digest twice in one dmap: the first line stands", () => {
    const text = `- name: foo\n  dmap:\n    "${a}": [v1]\n    "${a}": [v2]\n`;
    expect(readAs(text)).toEqual([["foo", [[a, ["v1"]]]]]);
    expect(toldOf(text)).toEqual([`4:5 duplicate-digest the digest ${a} stands twice in one dmap`]);
  });

  test.each<[string, string, string[]]>([
    ["no name", `- dmap: {"${a}": []}\n`, ["1:3 missing-name images: 'name' field cannot be empty"]],
    [
      "a null name",
      `- name:\n  dmap: {"${a}": []}\n`,
      ["1:8 missing-name images: 'name' field cannot be empty"],
    ],
    [
      "an empty name",
      `- name: ""\n  dmap: {"${a}": []}\n`,
      ["1:9 missing-name images: 'name' field cannot be empty"],
    ],
    [
      "a list as name",
      `- name: [foo]\n  dmap: {"${a}": []}\n`,
      ["1:9 wrong-type the name of an image must be text"],
    ],
    [
      "upper case",
      `- name: Foo\n  dmap: {"${a}": []}\n`,
      ["1:9 invalid-image-name invalid image name: Foo (repository names are lower case)"],
    ],
    [
      "dots",
      `- name: ../foo\n  dmap: {"${a}": []}\n`,
      ['1:9 invalid-image-name invalid image name: ../foo ("../foo" is no repository path)'],
    ],
    [
      "a leading slash",
      `- name: /foo\n  dmap: {"${a}": []}\n`,
      ["1:9 invalid-image-name invalid image name: /foo (it has an empty path component)"],
    ],
    [
      "a tag in the name",
      `- name: foo:v1\n  dmap: {"${a}": []}\n`,
      ['1:9 invalid-image-name invalid image name: foo:v1 ("foo:v1" is no repository path)'],
    ],
    [
      "two names",
      `- name: foo\n  name: baz\n  dmap: {"${a}": []}\n`,
      ["2:3 duplicate-key the key name stands twice"],
    ],
    [
      "two dmaps",
      `- name: foo\n  dmap: {"${a}": []}\n  dmap: {"${a}": []}\n`,
      ["3:3 duplicate-key the key dmap stands twice"],
    ],
    [
      "a misspelt name",
      `- nmae: foo\n  dmap: {"${a}": []}\n`,
      ['1:3 unknown-key unknown key "nmae" in an image'],
    ],
    ["text", "- foo\n", ["1:3 wrong-type an image must have a name and a dmap"]],
    ["nothing", "-\n", ["1:2 wrong-type an image must have a name and a dmap"]],
  ])("%s: the image is left out", (_, text, findings) => {
    expect(readAs(text + good)).toEqual([readGood]);
    expect(toldOf(text + good)).toEqual(findings);
  });

  test.each<[string, string, string[]]>([
    ["no dmap", "- name: foo\n", ["1:3 missing-dmap images: 'dmap' field cannot be empty"]],
    ["a null dmap", "- name: foo\n  dmap:\n", ["2:8 missing-dmap images: 'dmap' field cannot be empty"]],
    ["an empty dmap", "- name: foo\n  dmap: {}\n", ["2:9 missing-dmap images: 'dmap' field cannot be empty"]],
    [
      "a list as dmap",
      `- name: foo\n  dmap: ["${a}"]\n`,
      ["2:9 wrong-type dmap must map digests to lists of tags"],
    ],
    [
      "a misspelt dmap",
      `- name: foo\n  damp: {"${a}": []}\n`,
      ['2:3 unknown-key unknown key "damp" in an image'],
    ],
  ])("%s: the image has no digests", (_, text, findings) => {
    expect(readAs(text + good)).toEqual([["foo", []], readGood]);
    expect(toldOf(text + good)).toEqual(findings);
  });

  test("an unknown key leaves the image as it is", () => {
    const text = `- name: foo\n  Name: foo\n  "${a}": [v1]\n  tags: [v1]\n  dmap: {"${a}": [v1]}\n`;
    const { images, diagnostics } = parseImages(text, "images.yaml");
    expect(images?.[0]?.digests).toHaveLength(1);
    expect(diagnostics.map(({ code, hint }) => [code, hint])).toEqual([
      ["unknown-key", "did you mean name?"],
      ["unknown-key", "digests stand below dmap: indent them further"],
      ["unknown-key", "tags stand behind their digest, within dmap"],
    ]);
  });
});

describe("what is worth knowing", () => {
  test("a tag twice in one list counts once", () => {
    expect(readAs(withTags("[v1, v2, v1]"))).toEqual([["foo", [[a, ["v1", "v2"]]]]]);
    expect(toldOf(withTags("[v1, v2, v1]"))).toEqual([
      "3:89 duplicate-tag the tag v1 stands twice in one list",
    ]);
  });

  test("latest is read, with a warning", () => {
    expect(readAs(withTags("[latest]"))).toEqual([["foo", [[a, ["latest"]]]]]);
    expect(toldOf(withTags("[latest, latest-alpine]"))).toEqual([
      "3:81 latest-tag latest is promoted once and never moves again",
    ]);
  });

  test("the tag of a list of referrers is read, with a note; the tags of cosign are none", () => {
    const list = `sha256-${"0".repeat(64)}`;
    expect(readAs(withTags(`[${list}]`))).toEqual([["foo", [[a, [list]]]]]);
    expect(toldOf(withTags(`[${list}, ${list}.sig, sha256-0, v1]`))).toEqual([
      `3:81 referrers-tag ${list} is where registries keep the list of an image's referrers`,
    ]);
  });

  test("blocks of one name stay as they are, and are reported once", () => {
    const block = (digest: string, tag: string) => `- name: foo\n  dmap:\n    "${digest}": ["${tag}"]\n`;
    const text = block(a, "v1") + block(b, "v2") + block(a, "v3");
    expect(readAs(text)).toEqual([
      ["foo", [[a, ["v1"]]]],
      ["foo", [[b, ["v2"]]]],
      ["foo", [[a, ["v3"]]]],
    ]);
    expect(toldOf(text)).toEqual([
      "4:3 duplicate-image image foo is listed in 3 blocks",
      `9:5 repeated-digest another block of foo lists ${a}`,
    ]);
  });
});

describe("a file that cannot be read as a whole", () => {
  test.each<[string, string, string[]]>([
    ["a mapping", "name: foo\n", ["1:1 wrong-type images must be a list"]],
    ["a text", "foo\n", ["1:1 wrong-type images must be a list"]],
    [
      "the form of a plain manifest",
      "images:\n- name: foo\n",
      ["1:1 wrong-type images.yaml must be a list, without a key around it"],
    ],
    [
      "a tab",
      "- name: foo\n\tdmap:\n",
      ["2:2 yaml-syntax not YAML: end of the stream or a document separator is expected"],
    ],
    [
      "two documents",
      "- name: foo\n---\n- name: bar\n",
      ["2:1 second-document a second document starts here"],
    ],
    ["an empty second document", "[]\n---\n", ["2:1 second-document a second document starts here"]],
    ["an unknown alias", "- *foo\n", ["1:3 yaml-syntax not YAML: unknown alias *foo"]],
    [
      "a null byte",
      "- name: f\0o\n",
      ["1:10 yaml-syntax not YAML: the control character U+0000 is refused by other readers of YAML"],
    ],
  ])("%s", (_, text, findings) => {
    expect(parseImages(text, "images.yaml").images).toBeUndefined();
    expect(toldOf(text)).toEqual(findings);
  });
});

describe("messages", () => {
  test("all problems of a file come at once, in its order", () => {
    const text = `- name: Foo\n- name: bar\n  dmap:\n    sha256:0: []\n    "${a}": [" "]\n`;
    expect(toldOf(text).map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "1:3 missing-dmap",
      "1:9 invalid-image-name",
      "4:5 invalid-digest",
      "5:81 invalid-tag",
    ]);
  });

  test.each([
    [withTags('["\\u001b[31mred"]'), "invalid tag: \\u{1b}[31mred"],
    [withTags('["a\\nb"]'), "invalid tag: a\\nb"],
    [withTags('["\\u202Eabc"]'), "invalid tag: \\u{202e}abc"],
    [withTags(`["${"x".repeat(1000)}"]`), `invalid tag: ${"x".repeat(200)}…`],
  ])("%j cannot disguise itself", (text, message) => {
    expect(parseImages(text, "images.yaml").diagnostics[0]?.message).toBe(message);
  });
});
