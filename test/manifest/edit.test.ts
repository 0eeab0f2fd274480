import { describe, expect, test } from "vitest";
import { addToImages, type ImageAddition, ManifestEditError, unifiedDiff } from "../../src/manifest/index.ts";
import { type Digest, parseDigest, parseTag } from "../../src/oci/index.ts";
import { YamlSyntaxError } from "../../src/yaml/index.ts";

/** A digest of one repeated hexadecimal digit. */
function digest(digit: string): Digest {
  return parseDigest(`sha256:${digit.repeat(64)}`);
}

/** Digests are long: in the texts of these tests `<a>` stands for the digest of `a`. */
function long(text: string): string {
  return text.replace(/<([0-9a-f])>/g, (_, digit: string) => digest(digit));
}

function addition(image: string, digit: string, ...tags: string[]): ImageAddition {
  return { image, digest: digest(digit), tags: tags.map(parseTag) };
}

function edited(text: string, ...additions: ImageAddition[]): string {
  return addToImages(long(text), additions).text;
}

function refusal(text: string, ...additions: ImageAddition[]): ManifestEditError {
  try {
    addToImages(long(text), additions);
  } catch (error) {
    if (error instanceof ManifestEditError) return error;
    throw error;
  }
  throw new Error("the edit was made");
}

const lines = (...all: string[]) => `${all.join("\n")}\n`;

const simple = lines("- name: foo", "  dmap:", '    "<a>": ["1.0"]', '    "<b>": ["1.2"]');

describe("what the edit reports", () => {
  test("tells what was added and what was there, with lines of the new text", () => {
    const edit = addToImages(long(simple), [addition("foo", "c", "1.1", "one"), addition("foo", "b", "1.2")]);
    expect(edit.added).toEqual([
      { image: "foo", digest: digest("c"), tag: "1.1", line: 4 },
      { image: "foo", digest: digest("c"), tag: "one", line: 4 },
    ]);
    expect(edit.present).toEqual([{ image: "foo", digest: digest("b"), tag: "1.2", line: 5 }]);
    expect(edit.changedLines).toEqual([]);
  });

  test("gives the very text back when everything is there, tagless digests included", () => {
    const text = long(simple);
    const edit = addToImages(text, [addition("foo", "a", "1.0"), addition("foo", "b")]);
    expect(edit.text).toBe(text);
    expect(edit.added).toEqual([]);
    expect(edit.present.map((edge) => edge.tag)).toEqual(["1.0", undefined]);
  });

  test("names the lines that it wrote into", () => {
    const edit = addToImages(long(simple), [addition("foo", "a", "1.0.1"), addition("foo", "0", "1.3")]);
    expect(edit.changedLines).toEqual([3]);
  });

  test("shows the difference as a diff that git takes", () => {
    const before = long(simple);
    const { text } = addToImages(before, [addition("foo", "c", "1.3")]);
    expect(unifiedDiff("images/foo/images.yaml", before, text)).toBe(
      long(
        lines(
          "--- a/images/foo/images.yaml",
          "+++ b/images/foo/images.yaml",
          "@@ -2,3 +2,4 @@",
          "   dmap:",
          '     "<a>": ["1.0"]',
          '     "<b>": ["1.2"]',
          '+    "<c>": ["1.3"]',
        ),
      ),
    );
    expect(unifiedDiff("x", before, before)).toBe("");
  });
});

describe("files without images", () => {
  const block = lines("- name: foo", "  dmap:", '    "<a>": ["1.0"]');
  test.each([
    ["an empty file", "", block],
    ["comments", "# no images yet\n", `# no images yet\n${block}`],
    ["comments without final newline", "# none", `# none\n${block.trimEnd()}`],
    ["an empty list", "[]\n", block],
    ["null", "~\n", block],
    ["an empty list behind a comment and before one", "# x\n[] # none\n", `# x\n${block.trimEnd()} # none\n`],
    ["a document mark", "---\n", `---\n${block}`],
    ["a document mark with an empty list", "--- []\n", `--- \n${block}`],
    ["CRLF", "# none\r\n", `# none\r\n${block.replaceAll("\n", "\r\n")}`],
    [
      "a plain manifest with empty images",
      "registries:\n- name: a.b/c\nimages: []\n",
      `registries:\n- name: a.b/c\nimages:\n${block}`,
    ],
    [
      "a plain manifest without images, lists indented",
      "registries:\n  - name: a.b/c\n",
      `registries:\n  - name: a.b/c\nimages:\n${block.replace(/^(?=.)/gm, "  ")}`,
    ],
  ])("%s", (_, text, expected) => {
    expect(edited(text, addition("foo", "a", "1.0"))).toBe(long(expected));
  });

  test("several images come sorted, tagless digests as empty lists", () => {
    expect(edited("", addition("foo", "a", "2", "1"), addition("bar", "b"))).toBe(
      long(
        lines("- name: bar", "  dmap:", '    "<b>": []', "- name: foo", "  dmap:", '    "<a>": ["2", "1"]'),
      ),
    );
  });
});

describe("the order of a block", () => {
  const block = (...entries: [string, string][]) =>
    lines("- name: foo", "  dmap:", ...entries.map(([digit, tag]) => `    "<${digit}>": ["${tag}"]`));

  /** The tags of the text in the order of its lines. */
  function tagsOf(text: string): string[] {
    return [...text.matchAll(/\["([^"]*)"\]/g)].map((match) => match[1] ?? "");
  }

  test.each([
    ["versions", ["v1.8.0", "v1.9.0", "v1.11.0"], "v1.10.0", 2],
    ["versions with pre-releases first", ["v1.0.0-rc.1", "v1.0.0", "v1.1.0-rc.1"], "v1.0.1", 2],
    ["a pre-release before its release", ["v1.0.0-rc.1", "v1.0.0", "v1.1.0"], "v1.1.0-rc.0", 2],
    ["bytes", ["v1.1.0", "v1.10.0", "v1.2.0", "v1.9.0"], "v1.11.0", 2],
    ["the newest first", ["v1.11.0", "v1.9.0", "v1.8.0"], "v1.10.0", 1],
    ["the newest first, a new one at the top", ["v1.11.0", "v1.9.0", "v1.8.0"], "v1.12.0", 0],
    ["dates", ["v20210101-abc", "v20220101-def"], "v20210601-fff", 1],
    ["one astray", ["v1.0", "v1.1", "v1.4", "v1.2", "v1.5", "v1.6", "v1.7"], "v1.6.1", 6],
  ])("%s", (_, tags, tag, place) => {
    // Digests run against the tags, so that no order of digests can be meant.
    const digits = ["9", "4", "8", "3", "7", "2", "6"];
    const text = block(...tags.map((each, at): [string, string] => [digits[at] ?? "0", each]));
    expect(tagsOf(edited(text, addition("foo", "5", tag))).indexOf(tag)).toBe(place);
  });

  test("digests", () => {
    const text = block(["1", "v3"], ["3", "v1"], ["5", "v2"], ["7", "v0"]);
    expect(tagsOf(edited(text, addition("foo", "4", "v9")))).toEqual(["v3", "v1", "v9", "v2", "v0"]);
  });

  test("none: the end", () => {
    const text = block(["7", "v5"], ["1", "v1"], ["9", "v4"], ["3", "v2"], ["5", "v3"], ["0", "v0"]);
    expect(tagsOf(edited(text, addition("foo", "4", "v2.5"))).at(-1)).toBe("v2.5");
  });

  test("a block that is too short to tell follows the rest of the file", () => {
    const others = lines(
      ...["bar", "baz"].flatMap((name) => [
        `- name: ${name}`,
        "  dmap:",
        ...["v4", "v3", "v2", "v1"].map((tag, at) => `    "<${[2, 9, 1, 8][at]}>": ["${tag}"]`),
      ]),
    );
    const text = others + block(["5", "v7"]);
    expect(tagsOf(edited(text, addition("foo", "4", "v8"))).slice(-2)).toEqual(["v8", "v7"]);
  });

  test("several additions at once keep the order among themselves", () => {
    const text = block(["9", "v1.0"], ["1", "v2.0"]);
    const added = edited(
      text,
      addition("foo", "8", "v3.0"),
      addition("foo", "7", "v1.10"),
      addition("foo", "6", "v1.9"),
    );
    expect(tagsOf(added)).toEqual(["v1.0", "v1.9", "v1.10", "v2.0", "v3.0"]);
  });

  test("the order of the images: sorted ones stay so, others grow at the end", () => {
    const names = (text: string) => [...text.matchAll(/name: (\S+)/g)].map((match) => match[1]);
    const file = (...all: string[]) =>
      lines(...all.flatMap((name) => [`- name: ${name}`, "  dmap:", '    "<a>": []']));
    expect(names(edited(file("bar", "foo"), addition("cat", "b")))).toEqual(["bar", "cat", "foo"]);
    expect(names(edited(file("bar", "foo"), addition("abc", "b"), addition("zed", "b")))).toEqual([
      "abc",
      "bar",
      "foo",
      "zed",
    ]);
    expect(names(edited(file("foo", "bar", "goo", "baz"), addition("cat", "b"))).at(-1)).toBe("cat");
  });
});

describe("the style of a file", () => {
  test.each([
    ["bare digests and tags", "    <a>: [v1.0]", "    <c>: [v1.1]"],
    ["single quotes and padding", "    '<a>': [ 'v1.0' ]", "    '<c>': [ 'v1.1' ]"],
    ["a wide gap", '    "<a>":   ["v1.0"]', '    "<c>":   ["v1.1"]'],
    ["a list of lines", "    <a>:\n    - v1.0", "    <c>:\n    - v1.1"],
    ["an indented list of lines", '    "<a>":\n      - "v1.0"', '    "<c>":\n      - "v1.1"'],
    ["deep entries", '        "<a>": ["v1.0"]', '        "<c>": ["v1.1"]'],
  ])("%s", (_, before, line) => {
    const text = lines("- name: foo", "  dmap:", before);
    expect(edited(text, addition("foo", "c", "v1.1"))).toBe(long(text + lines(line)));
  });

  test.each([",", ", ", " , "])("the separator %j", (separator) => {
    const text = lines("- name: foo", "  dmap:", `    "<a>": ["1"${separator}"2"]`, '    "<b>": ["3"]');
    expect(edited(text, addition("foo", "c", "4", "5"))).toBe(
      long(text + lines(`    "<c>": ["4"${separator}"5"]`)),
    );
  });

  test.each(["1.10", "yes", "null", "1e3", "0x1f", "2020-01-01", "1_000", "010", "n", "1"])(
    "the tag %s is quoted among bare ones",
    (tag) => {
      const text = lines("- name: foo", "  dmap:", "    <a>: [v1.0]");
      expect(edited(text, addition("foo", "c", tag, "1.2.3", "v2"))).toContain(`"${tag}"`);
      expect(edited(text, addition("foo", "c", "1.2.3", "v2"))).toContain("[1.2.3, v2]");
    },
  );

  test("a new image is written as the others are, empty lines between them included", () => {
    const text = lines(
      "  -   name: 'bar'",
      "      dmap:",
      "         <a>: [v1]",
      "",
      "  -   name: 'foo'",
      "      dmap:",
      "         <a>: [v1]",
    );
    expect(edited(text, addition("zed", "b", "v1"))).toBe(
      long(text + lines("", "  -   name: 'zed'", "      dmap:", "         <b>: [v1]")),
    );
  });

  test("a name that YAML would misread is quoted", () => {
    expect(edited("", addition("null", "a", "v1"))).toContain('- name: "null"\n');
  });

  test("CRLF stays, and so does a missing final newline", () => {
    const text = long(simple).replaceAll("\n", "\r\n").trimEnd();
    const after = edited(text, addition("foo", "c", "1.3"), addition("zed", "d", "1"));
    expect(after.startsWith(text)).toBe(true);
    expect(after.slice(text.length)).toBe(
      long('\r\n    "<c>": ["1.3"]\r\n- name: zed\r\n  dmap:\r\n    "<d>": ["1"]'),
    );
  });

  test("a byte order mark stays the first character", () => {
    const after = edited(`\uFEFF${simple}`, addition("bar", "c", "1"));
    expect(after).toBe(long(`\uFEFF- name: bar\n  dmap:\n    "<c>": ["1"]\n${simple}`));
  });
});

describe("comments", () => {
  const commented = lines(
    "# header",
    "- name: foo # the first",
    "  dmap:",
    "    # about 1.1",
    '    "<a>": ["1.1"] # good',
    "    # the last of foo",
    "# between",
    "- name: goo",
    "  dmap:",
    '    "<b>": ["1.1"]',
    "",
    "# end",
  );

  test("stay with their lines", () => {
    const after = edited(
      commented,
      addition("foo", "c", "1.0"),
      addition("foo", "d", "1.2"),
      addition("fop", "e", "1"),
      addition("zed", "f", "1"),
    );
    expect(after).toBe(
      long(
        lines(
          "# header",
          "- name: foo # the first",
          "  dmap:",
          '    "<c>": ["1.0"]',
          "    # about 1.1",
          '    "<a>": ["1.1"] # good',
          '    "<d>": ["1.2"]',
          "    # the last of foo",
          "- name: fop",
          "  dmap:",
          '    "<e>": ["1"]',
          "# between",
          "- name: goo",
          "  dmap:",
          '    "<b>": ["1.1"]',
          "- name: zed",
          "  dmap:",
          '    "<f>": ["1"]',
          "",
          "# end",
        ),
      ),
    );
  });
});

describe("new tags of a listed digest", () => {
  test.each([
    ["brackets, at the end", '"<a>": ["1.0"]', ["1.1"], '"<a>": ["1.0", "1.1"]'],
    ["brackets, in order", '"<a>": ["b","d"]', ["a", "c", "e"], '"<a>": ["a","b","c","d","e"]'],
    [
      "brackets, in the order of the list",
      '"<a>": ["v9", "v10"]',
      ["v11", "v8"],
      '"<a>": ["v8", "v9", "v10", "v11"]',
    ],
    ["brackets without order", '"<a>": ["b", "a", "d", "c"]', ["aa"], '"<a>": ["b", "a", "d", "c", "aa"]'],
    ["brackets with a comma too many", '"<a>": ["1",]', ["2"], '"<a>": ["1", "2",]'],
    ["empty brackets", "<a>: []", ["2", "1"], '<a>: ["2", "1"]'],
    ["nothing", '"<a>":', ["1"], '"<a>": ["1"]'],
    ["nothing but a comment", '"<a>": # later', ["1"], '"<a>": ["1"] # later'],
    ["null", '"<a>": ~', ["1"], '"<a>": ["1"]'],
    [
      "lines",
      '"<a>":\n    - b # x\n    - d',
      ["a", "c", "e"],
      '"<a>":\n    - a\n    - b # x\n    - c\n    - d\n    - e',
    ],
    [
      "brackets over lines",
      '"<a>": [\n      "1",\n      "3" # x\n      ]',
      ["2", "4"],
      '"<a>": [\n      "1",\n      "2",\n      "3",\n      "4" # x\n      ]',
    ],
  ])("%s", (_, before, tags, after) => {
    const file = (entry: string) => lines("- name: foo", "  dmap:", `    ${entry}`);
    expect(edited(file(before), addition("foo", "a", ...tags))).toBe(long(file(after)));
  });

  test("nothing among lists of lines becomes lines", () => {
    const text = lines("- name: foo", "  dmap:", "    <a>:", "    - v1", "    <b>:", "    <c>:", "    - v2");
    expect(edited(text, addition("foo", "b", "x", "y"))).toBe(
      long(text.replace("    <b>:\n", '    <b>:\n    - x\n    - "y"\n')),
    );
  });
});

describe("images without a dmap", () => {
  test.each([
    ["missing", "- name: foo", '- name: foo\n  dmap:\n    "<a>": ["1"]'],
    ["null", "- name: foo\n  dmap:", '- name: foo\n  dmap:\n    "<a>": ["1"]'],
    ["tilde and comment", "- name: foo\n  dmap: ~ # none", '- name: foo\n  dmap: # none\n    "<a>": ["1"]'],
    ["empty braces", "- name: foo\n  dmap: {}", '- name: foo\n  dmap:\n    "<a>": ["1"]'],
    ["missing in braces", "- {name: foo}", '- {name: foo, dmap: {"<a>": ["1"]}}'],
    ["empty in braces", "- {name: foo, dmap: {}}", '- {name: foo, dmap: {"<a>": ["1"]}}'],
    ["null in braces", "- {name: foo, dmap: }", '- {name: foo, dmap: {"<a>": ["1"]} }'],
  ])("%s", (_, before, after) => {
    const rest = '- name: goo\n  dmap:\n    "<b>": ["2"]\n';
    expect(edited(`${before}\n${rest}`, addition("foo", "a", "1"))).toBe(long(`${after}\n${rest}`));
  });
});

describe("braces and brackets", () => {
  test("a dmap in braces", () => {
    const text = lines("- name: foo", '  dmap: {"<a>": ["1.0"], "<b>": ["1.2"]}');
    expect(edited(text, addition("foo", "c", "1.1"), addition("foo", "d", "1.3"))).toBe(
      long(lines("- name: foo", '  dmap: {"<a>": ["1.0"], "<c>": ["1.1"], "<b>": ["1.2"], "<d>": ["1.3"]}')),
    );
  });

  test("a file in JSON stays JSON", () => {
    const text = '[{"name": "foo", "dmap": {"<a>": ["1.0"]}}]\n';
    const after = edited(text, addition("foo", "a", "1.1"), addition("zed", "b", "2"));
    expect(after).toBe(
      long('[{"name": "foo", "dmap": {"<a>": ["1.0", "1.1"]}}, {"name": "zed", "dmap": {"<b>": ["2"]}}]\n'),
    );
    expect(() => JSON.parse(after)).not.toThrow();
  });
});

describe("an image in several blocks", () => {
  const repeated = lines(
    "- name: foo",
    "  dmap:",
    '    "<a>": ["1.0"]',
    '    "<b>": ["1.4"]',
    "- name: bar",
    "  dmap:",
    '    "<a>": ["1.0"]',
    "- name: foo",
    "  dmap:",
    '    "<c>": ["2.0"]',
  );

  test("a digest goes where its order puts it between two others", () => {
    expect(edited(repeated, addition("foo", "d", "1.2"))).toBe(
      long(repeated.replace('"<b>"', '"<d>": ["1.2"]\n    "<b>"')),
    );
  });

  test("else into the last block", () => {
    expect(edited(repeated, addition("foo", "d", "2.1"))).toBe(long(`${repeated}    "<d>": ["2.1"]\n`));
  });

  test("a tag goes to the block that has the digest", () => {
    expect(edited(repeated, addition("foo", "b", "1.4.0"))).toContain('["1.4", "1.4.0"]');
  });

  test("blocks of one digest each get further ones, release by release", () => {
    const release = (tag: string, foo: string, bar: string) =>
      lines(
        "- name: bar",
        "  dmap:",
        `    "<${bar}>": ["${tag}"]`,
        "- name: foo",
        "  dmap:",
        `    "<${foo}>": ["${tag}"]`,
      );
    const text = ["1", "2", "3"]
      .map((tag) => `# ${tag}\n${release(tag, tag, `${Number(tag) + 3}`)}`)
      .join("\n");
    const after = edited(
      `${text}\n`,
      addition("foo", "a", "5"),
      addition("foo", "b", "4"),
      addition("bar", "c", "4"),
    );
    expect(after).toBe(
      long(`${text}\n${release("4", "b", "c")}\n${lines("- name: foo", "  dmap:", '    "<a>": ["5"]')}\n`),
    );
  });
});

describe("refusals", () => {
  test("tags that stand at other digests, all of them, with both digests and the line", () => {
    const text = `${simple}- name: foo\n  dmap:\n    "<c>": ["2.0"]\n`;
    const error = refusal(text, addition("foo", "d", "1.0", "3.0"), addition("foo", "e", "2.0"));
    expect(error.code).toBe("tag-collision");
    expect(error.collisions).toEqual([
      { image: "foo", tag: "1.0", asked: digest("d"), listed: digest("a"), line: 3 },
      { image: "foo", tag: "2.0", asked: digest("e"), listed: digest("c"), line: 7 },
    ]);
    for (const digit of ["a", "c", "d", "e"]) expect(error.message).toContain(digest(digit));
    expect(error.message).toContain("line 3");
  });

  test("the same tag in another image is no collision", () => {
    expect(edited(simple, addition("goo", "c", "1.0"))).toContain(digest("c"));
  });

  test("additions that contradict each other", () => {
    expect(refusal("", addition("foo", "a", "1"), addition("foo", "b", "1")).code).toBe(
      "contradictory-additions",
    );
  });

  test.each(["Foo", "", "a//b", "../x", "foo:1", 'a"b'])("the image name %j", (name) => {
    expect(refusal("", addition(name, "a", "1")).code).toBe("invalid-image-name");
  });

  const anchored = lines("- name: foo", "  dmap: &x", '    "<a>": ["1.0"]', "- name: bar", "  dmap: *x");
  test.each([
    ["a mapping", "foo: bar\n", "not-an-image-list"],
    ["a text", "foo\n", "not-an-image-list"],
    ["a repeated dmap", "- name: foo\n  dmap:\n  dmap:\n", "repeated-key"],
    ["a dmap that others use", anchored, "unsafe-edit"],
    [
      "a dmap that is used from elsewhere",
      anchored.replace("foo", "fox").replace("bar", "foo"),
      "shared-by-alias",
    ],
    ["an explicit key", '- name: foo\n  dmap:\n    ? "<a>"\n    : ["1.0"]\n', "unsafe-edit"],
    ["carriage returns alone", '- name: foo\r  dmap:\r    "<a>": ["1.0"]\r', "unsafe-edit"],
    ["a dmap that is a text", "- name: foo\n  dmap: x\n", "unsafe-edit"],
    ["a YAML tag before an empty dmap", "- name: foo\n  dmap: !!map {}\n", "unsafe-edit"],
  ])("%s", (_, text, code) => {
    expect(refusal(text, addition("foo", "c", "1.1")).code).toBe(code);
  });

  test("tags that are a text, or used from elsewhere", () => {
    expect(refusal('- name: foo\n  dmap:\n    "<a>": "1"\n', addition("foo", "a", "2")).code).toBe(
      "unsafe-edit",
    );
    const text = lines("- name: foo", "  dmap:", '    "<a>": &t ["1"]', '    "<b>": *t');
    expect(refusal(text, addition("foo", "b", "2")).code).toBe("shared-by-alias");
    expect(refusal(text, addition("foo", "a", "2")).code).toBe("unsafe-edit");
  });

  test("text that is no YAML", () => {
    expect(() => edited("- name: [\n", addition("foo", "a", "1"))).toThrow(YamlSyntaxError);
  });

  test("aliases elsewhere do not matter", () => {
    const text = `${anchored}- name: baz\n  dmap:\n    "<b>": ["1.0"]\n`;
    expect(edited(text, addition("baz", "c", "1.1"))).toBe(long(`${text}    "<c>": ["1.1"]\n`));
  });

  test("a merge key stays, and lines stand beside it", () => {
    const text = lines(
      "- name: foo",
      "  dmap: &x",
      '    "<a>": ["1.0"]',
      "- name: bar",
      "  dmap:",
      "    <<: *x",
      '    "<b>": ["1.2"]',
    );
    expect(edited(text, addition("bar", "c", "1.3"))).toBe(long(`${text}    "<c>": ["1.3"]\n`));
  });
});

describe("files whose brackets close in the column of their key, and tabs behind colons", () => {
  const flow = lines("- name: foo", "  dmap:", '    "<a>": [', '      "1.0"', "    ]", '    "<b>":\t["1.2"]');

  test.each<[string, ImageAddition]>([
    ["a digest between them", addition("foo", "c", "1.1")],
    ["a digest behind them", addition("foo", "d", "1.3")],
    ["a tag within brackets of several lines", addition("foo", "a", "1.0.1")],
    ["a tag behind a tab", addition("foo", "b", "1.2.1")],
    ["another image", addition("bar", "c", "1.1")],
  ])("%s", (_, wanted) => {
    const { text, added } = addToImages(long(flow), [wanted]);
    expect(added).toHaveLength(1);
    const before = long(flow).split("\n");
    expect(text.split("\n")).toEqual(expect.arrayContaining(before.slice(0, 2)));
    expect(addToImages(text, [wanted]).added).toEqual([]);
  });
});

test("an order that a file keeps by bytes goes on by bytes: releases before their candidates, 2.10 before 2.2", () => {
  const text = lines(
    "- name: foo",
    "  dmap:",
    '    "<a>": ["v2.1.0"]',
    '    "<b>": ["v2.1.0-rc.0"]',
    '    "<c>": ["v2.2.0"]',
  );
  expect(edited(text, addition("foo", "d", "v2.10.0")).split("\n")[4]).toBe(long('    "<d>": ["v2.10.0"]'));
});
