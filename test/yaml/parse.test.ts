import { describe, expect, test } from "vitest";
import { parseYaml, type YamlNode, YamlSyntaxError } from "../../src/yaml/index.ts";
import { coveredText, nodesOf, plainValue } from "./shape.ts";

function rootOf(text: string): YamlNode {
  const { root } = parseYaml(text);
  if (root === undefined) throw new Error("the document is empty");
  return root;
}

function faultOf(text: string): YamlSyntaxError {
  try {
    parseYaml(text);
  } catch (error) {
    if (error instanceof YamlSyntaxError) return error;
    throw error;
  }
  throw new Error("the text was taken for YAML");
}

describe("values", () => {
  test.each([
    "1.10",
    "1.0",
    "1e3",
    "0x10",
    "010",
    "true",
    "yes",
    "no",
    "2020-01-01",
    "12_000",
    ".inf",
    "null",
  ])("%s stays the text that was written", (written) => {
    expect(plainValue(rootOf(`[${written}]`))).toEqual([written]);
    expect(plainValue(rootOf(`- ${written}\n`))).toEqual([written]);
  });

  test("escapes are resolved in quotes, and nowhere else", () => {
    expect(plainValue(rootOf(`- "a\\tb"\n- 'it''s \\t'\n- a\\tb\n`))).toEqual(["a\tb", "it's \\t", "a\\tb"]);
  });

  test("lines of a plain scalar are folded", () => {
    expect(plainValue(rootOf("a: b\n  c\n\n  d\n"))).toEqual({ pairs: [["a", "b c\nd"]] });
  });

  test("a repeated key is kept for the reader to judge", () => {
    expect(plainValue(rootOf("a: 1\na: 2\n"))).toEqual({
      pairs: [
        ["a", "1"],
        ["a", "2"],
      ],
    });
  });

  test("tags that change nothing are allowed", () => {
    expect(plainValue(rootOf("!!map\na: !!str 1.0\nb: !!seq [! c]\n"))).toEqual({
      pairs: [
        ["a", "1.0"],
        ["b", ["c"]],
      ],
    });
  });
});

describe("places", () => {
  test.each<[string, unknown]>([
    ["[a, {b: c} , [d]] # x ]", ["a", [["b", "c"]], ["d"]]],
    [
      `{a: 'x''y', "b\\"": [ ]}`,
      [
        ["a", "'x''y'"],
        [`"b\\""`, []],
      ],
    ],
    ["- |\n  a | b\n  c\n- >-\n  x\n- d\n", ["|\n  a | b\n  c", ">-\n  x", "d"]],
    [
      "a: # x | y\n  |\n  text\nb: 1\n",
      [
        ["a", "|\n  text"],
        ["b", "1"],
      ],
    ],
    ["--- |\n foo\n", "|\n foo"],
    ["[a: b, c]", [[["a", "b"]], "c"]],
    ["\uFEFF- a\n", ["a"]],
    [
      "- foo\r\n- bar:\r\n  baz: x\r\n",
      [
        "foo",
        [
          ["bar", ""],
          ["baz", "x"],
        ],
      ],
    ],
    [
      "? a\n: b\n? c\n",
      [
        ["a", "b"],
        ["c", ""],
      ],
    ],
    [
      "a: &x b\nc: &y\n  d: e\n",
      [
        ["a", "b"],
        ["c", [["d", "e"]]],
      ],
    ],
    ["a: !!str b\n", [["a", "b"]]],
  ])("%j: every scalar covers its own text", (text, covered) => {
    expect(coveredText(rootOf(text), text)).toEqual(covered);
  });

  test.each<[string, string]>([
    ["a: [b, # ]\n  c\n ]\nd: e\n", "[b, # ]\n  c\n ]"],
    [`a: ["]"]\n`, `["]"]`],
    ["a: [b] # ]\n", "[b]"],
    ["a: []\n", "[]"],
    ["a: {b: [c, {d: e}], f: }\n", "{b: [c, {d: e}], f: }"],
    ["a: { # }\n }\n", "{ # }\n }"],
    ["a:\n- b\n- c\n\n# end\n", "- b\n- c"],
    ["a:\n  b: c\n  d:\n# end\n", "b: c\n  d:"],
    ["a:\n- b\n-\n", "- b\n-"],
    ["a:\n  - |\n    x\n\n", "- |\n    x\n"],
  ])("%j: a collection covers its brackets, or its lines", (text, covered) => {
    const root = rootOf(text);
    if (root.kind !== "mapping") throw new Error("not a mapping");
    const value = root.entries[0]?.value;
    expect(text.slice(value?.start, value?.end)).toBe(covered);
  });

  test.each<[string, number[]]>([
    ["a:\nb: # x\nc:\n", [2, 5, 12]],
    ["{a: , b}", [3, 7]],
    ["a: &x\nb:\n", [5, 8]],
  ])("%j: a value that is not written stands behind its announcement", (text, places) => {
    const root = rootOf(text);
    if (root.kind !== "mapping") throw new Error("not a mapping");
    expect(root.entries.map(({ value }) => [value.start, value.end])).toEqual(
      places.map((place) => [place, place]),
    );
  });

  test("items that are not written stand behind their own dash, not that of another", () => {
    const text = "- a\n-\n# - x\n- # y\n- - \n  -\n";
    const root = rootOf(text);
    if (root.kind !== "sequence") throw new Error("not a sequence");
    const inner = root.items[3];
    if (inner?.kind !== "sequence") throw new Error("not a sequence");
    expect(root.items.slice(1, 3).map(({ start }) => start)).toEqual([5, 13]);
    expect(inner.items.map(({ start }) => start)).toEqual([21, 26]);
  });

  test("an alias leaves the places of its node, and takes its own in the collection around it", () => {
    const text = `x: &l [a]\ny: ["]", *l]\nz: b\n`;
    const root = rootOf(text);
    if (root.kind !== "mapping") throw new Error("not a mapping");
    const [x, y] = root.entries;
    expect(y?.value.kind === "sequence" && y.value.items[1]).toBe(x?.value);
    expect(text.slice(y?.value.start, y?.value.end)).toBe(`["]", *l]`);
  });

  test("flow and block style are told apart", () => {
    const root = rootOf("- [a: b]\n- {c: d}\n- e: [f]\n");
    if (root.kind !== "sequence") throw new Error("not a sequence");
    expect(root.flow).toBe(false);
    expect(root.items.map((item) => item.kind !== "scalar" && item.flow)).toEqual([true, true, false]);
  });
});

describe("anchors and merges", () => {
  test("a merged entry gives way to one that is written, wherever it stands", () => {
    const text = "- &base {a: 1, b: 2}\n- a: 3\n  <<: *base\n- <<: [*base, {b: 4, c: 5}]\n";
    expect(plainValue(rootOf(text))).toEqual([
      {
        pairs: [
          ["a", "1"],
          ["b", "2"],
        ],
      },
      {
        pairs: [
          ["a", "3"],
          ["b", "2"],
        ],
      },
      {
        pairs: [
          ["a", "1"],
          ["b", "2"],
          ["c", "5"],
        ],
      },
    ]);
  });

  test("a quoted << is a key like any other", () => {
    expect(plainValue(rootOf(`"<<": a\n`))).toEqual({ pairs: [["<<", "a"]] });
  });

  test.each<[string, string, number]>([
    ["[*a]", "unknown alias *a", 1],
    ["&a [*a]", "unknown alias *a", 4],
    ["a: 1\n<<: b\n", "a merge key (<<) takes a mapping or a list of mappings", 9],
    ["[a]: b\n", "a key must be a plain or quoted text", 0],
    ["a: !!binary YQ==\n", "the tag !!binary has no meaning here", 3],
    ["a: !!float 1.10\n", "the tag !!float has no meaning here", 3],
    ["!!set {a, b}\n", "the tag !!set has no meaning here", 0],
  ])("%j is refused", (text, message, offset) => {
    const fault = faultOf(text);
    expect([fault.message, fault.offset]).toEqual([message, offset]);
  });

  test("aliases of aliases of aliases are stopped", () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const items = level === 0 ? Array(10).fill("x") : Array(10).fill(`*l${level - 1}`);
      return `l${level}: &l${level} [${items.join(", ")}]\n`;
    });
    expect(faultOf(levels.join("")).message).toMatch(/^aliases repeat more than \d+ nodes$/);
  });

  test("so are merges of merges", () => {
    const levels = Array.from({ length: 20 }, (_, level) =>
      level === 0
        ? "- &m0 {a: b}\n"
        : `- &m${level} {<<: [*m${level - 1}, *m${level - 1}, *m${level - 1}]}\n`,
    );
    expect(faultOf(levels.join("")).message).toMatch(/^aliases repeat more than \d+ nodes$/);
  });
});

describe("documents", () => {
  test.each<[string, number | undefined]>([
    ["", undefined],
    ["# only a comment\n", undefined],
    ["---\n", undefined],
    ["--- # x\n...\n", undefined],
  ])("%j is empty", (text, secondDocument) => {
    expect(parseYaml(text)).toEqual({ root: undefined, secondDocument });
  });

  test.each<[string, number | undefined]>([
    ["- a\n", undefined],
    ["---\n- a\n", undefined],
    ["%YAML 1.1\n---\n- a\n", undefined],
    ["- a\n...\n", undefined],
    ["- a\n---\n- b\n", 4],
    ["- a\n---\n", 4],
    ["---\n- a\n# x\n---\n- b\n", 12],
    ["- a\n...\n- b\n", 4],
    ["---\n---\n- a\n", 4],
    ["- '---'\n- |\n  ---\n--- b\n", 18],
    ["- a\n---\n- b\n---\n- c\n", 4],
  ])("%j: where the second document starts", (text, offset) => {
    expect(parseYaml(text).secondDocument).toBe(offset);
  });
});

describe("text that is no YAML", () => {
  test.each(["foo:\n\tbar: 1\n", "- a:\n  \tb: 1\n"])("%j: tabs are named", (text) => {
    expect(faultOf(text).hint).toBe("YAML is indented with spaces, never with tabs");
  });

  test.each([
    `a: "b\n`,
    "a: [b\n",
    "a: b: c\n",
    "a\0b",
    "- a\n b\n- c: d\n e",
    "a: @b",
    "a: `b`",
    `"sha256:abc\n": [x]\n`,
    "[".repeat(1000),
    "- ".repeat(1000),
    "{a: ".repeat(1000),
  ])("%j is refused with a place within it", (text) => {
    const { offset, code } = faultOf(text);
    expect(code).toBe("yaml-syntax");
    expect(offset).toBeGreaterThanOrEqual(0);
    expect(offset).toBeLessThanOrEqual(text.length);
  });
});

describe("lines within brackets, braces and quotes begin anywhere, as libyaml reads them", () => {
  test.each<[string, unknown]>([
    [
      "a: [\n  b,\n  c,\n]\nd: e\n",
      {
        pairs: [
          ["a", ["b", "c"]],
          ["d", "e"],
        ],
      },
    ],
    ["a: [b,\nc]\n", { pairs: [["a", ["b", "c"]]] }],
    ["- a: [ # first\n  b, # second\n] # third\n- c\n", [{ pairs: [["a", ["b"]]] }, "c"]],
    ["a:\n  - b: {\nx: y\n}\n", { pairs: [["a", [{ pairs: [["b", { pairs: [["x", "y"]] }]] }]]] }],
    ["a: [[\nx\n],\n[\ny\n]\n]\n", { pairs: [["a", [["x"], ["y"]]]] }],
    [
      "a: 'x\n\ny'\nb: c\n",
      {
        pairs: [
          ["a", "x\ny"],
          ["b", "c"],
        ],
      },
    ],
    [
      'a: "x\n  y\n"\nb: c\n',
      {
        pairs: [
          ["a", "x y "],
          ["b", "c"],
        ],
      },
    ],
    ["a: [x\ny]\n", { pairs: [["a", ["x y"]]] }],
    ["a: [\r\n  b\r\n]\r\n", { pairs: [["a", ["b"]]] }],
    ['"a":\t["b",\t\'c\td\']\n', { pairs: [["a", ["b", "c\td"]]] }],
    ["a: [\n\tb,\n\tc\n\t]\n", { pairs: [["a", ["b", "c"]]] }],
    [
      "a: &x [\n  !!str b\n]\nc: *x\n",
      {
        pairs: [
          ["a", ["b"]],
          ["c", ["b"]],
        ],
      },
    ],
  ])("%j", (text, value) => {
    expect(plainValue(rootOf(text))).toEqual(value);
  });

  test("and nodes stand where they are written", () => {
    const text = "a: [\n  b,\n]\nc: {\nd: 'e',\n}\nf:\t[g,\th]\ni: j\n";
    expect(coveredText(rootOf(text), text)).toEqual([
      ["a", ["b"]],
      ["c", [["d", "'e'"]]],
      ["f", ["g", "h"]],
      ["i", "j"],
    ]);
    const ends = [...nodesOf(rootOf(text))].map(({ start, end }) => text.slice(start, end));
    expect(ends).toContain("[\n  b,\n]");
    expect(ends).toContain("{\nd: 'e',\n}");
    expect(ends).toContain("[g,\th]");
  });

  test.each(["a: [\n  b\nc: d\n", "a: {b: c\nd: e\n", "a: 'b\nc: d\n", "a: [\n]]\n"])(
    "%j is refused all the same",
    (text) => expect(faultOf(text).code).toBe("yaml-syntax"),
  );

  test("outside of them, lines stand in their column", () => {
    expect(faultOf("a:\n  b: c\n d: e\n").code).toBe("yaml-syntax");
  });

  test("a hostile number of them is refused", () => {
    expect(faultOf(`${"- [\n]\n".repeat(300_000)}`).code).toBe("yaml-syntax");
  });
});

describe("what other readers may see otherwise is refused", () => {
  test.each([
    ["- a # b\u2028- c\n", 7, "U+2028 ends the line"],
    ["- a # b\u2029- c\n", 7, "U+2029 ends the line"],
    ["# b\u0085- c\n", 3, "U+0085 ends the line"],
    ['- "a\u2028b"\n', 4, "U+2028 ends the line"],
    ["# b\u0007\n- c\n", 3, "control character U+0007"],
    ["# b\u007f\n", 3, "control character U+007F"],
    ["# b\u009f\n", 3, "control character U+009F"],
  ])("%j", (text, offset, message) => {
    const fault = faultOf(text);
    expect(fault.offset).toBe(offset);
    expect(fault.message).toContain(message);
  });

  test("their escapes are not", () => {
    expect(plainValue(rootOf('- "a\\u2028\\N\\a"\n'))).toEqual(["a\u2028\u0085\u0007"]);
  });
});

test("a block scalar that ends with the text without a line break has none", () => {
  expect(plainValue(rootOf("a: |\n  b\n  c"))).toEqual({ pairs: [["a", "b\nc"]] });
  expect(plainValue(rootOf("a: |\n  b\n  c\n"))).toEqual({ pairs: [["a", "b\nc\n"]] });
  expect(plainValue(rootOf("a: >+\n  b"))).toEqual({ pairs: [["a", "b"]] });
});
