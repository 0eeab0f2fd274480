import { describe, expect, test } from "vitest";
import { readImageList } from "../../src/manifest/edit/layout.ts";
import { additionsBetween, NotOnlyAdded } from "../../src/manifest/edit/verify.ts";
import { parseYaml } from "../../src/yaml/index.ts";

function difference(before: string, after: string): string[] {
  const [old, now] = [before, after].map((text) => readImageList(parseYaml(text).root));
  if (old === undefined || now === undefined) throw new Error("two texts make two lists");
  return additionsBetween(old, now).map(({ image, digest, tag }) => `${image}@${digest}:${tag ?? ""}`);
}

const before = `- name: foo
  dmap:
    a: [v1, v2]
    b: []
    c:
- name: bar
  dmap: {d: [v1]}
- just text
- name: baz
- name: odd
  dmap: text
`;

describe("only added", () => {
  test.each<[string, string, string, string[]]>([
    ["nothing", "", "", []],
    ["a tag", "[v1, v2]", "[v0, v1, v1.5, v2, v3]", ["foo@a:v0", "foo@a:v1.5", "foo@a:v3"]],
    ["tags to none", "b: []", "b: [v1]", ["foo@b:v1"]],
    ["tags to null", "c:\n", "c: [v1]\n", ["foo@c:v1"]],
    ["a digest", "    b: []", "    aa: [v9]\n    b: []", ["foo@aa:", "foo@aa:v9"]],
    ["a dmap", "- name: baz", "- name: baz\n  dmap: {e: []}", ["baz@e:"]],
    ["an image", "- name: bar", "- name: bam\n  dmap: {e: [v1]}\n- name: bar", ["bam@e:", "bam@e:v1"]],
    ["a list", before, `${before}- name: end\n  dmap: {e: []}\n`, ["end@e:"]],
  ])("%s", (_, from, to, added) => {
    expect(difference(before, before.replace(from, to))).toEqual(added);
  });
});

describe("more than that", () => {
  test.each([
    ["a tag lost", "[v1, v2]", "[v1]"],
    ["a tag changed", "[v1, v2]", "[v1, v3]"],
    ["tags in another order", "[v1, v2]", "[v2, v1]"],
    ["a tag in other quotes", "[v1, v2]", '[v1, "v2"]'],
    ["a list become a text", "[v1, v2]", "v1"],
    ["a tag become a list", "[v1, v2]", "[v1, [v0], v2]"],
    ["a digest lost", "    b: []\n", ""],
    ["digests in another order", "    b: []\n    c:\n", "    c:\n    b: []\n"],
    ["an image lost", "- name: baz\n", ""],
    ["an image renamed", "name: bar", "name: bax"],
    ["a key added to an image", "- name: baz", "- name: baz\n  more: x"],
    ["an item that is no image changed", "just text", "other text"],
    ["a dmap that is none changed", "dmap: text", "dmap: other"],
    [
      "a new image with more than a dmap",
      "- name: bar",
      "- name: bam\n  more: x\n  dmap: {e: []}\n- name: bar",
    ],
    ["a new item that is no image", "- name: bar", "- more\n- name: bar"],
  ])("%s", (_, from, to) => {
    expect(() => difference(before, before.replace(from, to))).toThrow(NotOnlyAdded);
  });

  test("a change beside the images of a plain manifest", () => {
    const plain = "registries:\n- name: a.b/c\nimages:\n- name: foo\n  dmap: {a: [v1]}\n";
    expect(difference(plain, plain.replace("v1", "v1, v2"))).toEqual(["foo@a:v2"]);
    expect(() => difference(plain, plain.replace("a.b/c", "a.b/d"))).toThrow(NotOnlyAdded);
    expect(() => difference(plain, `${plain}more: x\n`)).toThrow(NotOnlyAdded);
  });
});
