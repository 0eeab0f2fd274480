import { describe, expect, test } from "vitest";
import { Findings } from "../../src/diagnostics/index.ts";
import {
  described,
  documentCodes,
  either,
  flag,
  integer,
  list,
  made,
  mapping,
  orEmpty,
  readDocument,
  record,
  required,
  type Shape,
  shapeCodes,
  text,
  word,
} from "../../src/schema/index.ts";

/** What a shape reads of a text, and what it says as `line:column message (hint)`. */
function read<Value>(shape: Shape<Value>, written: string): { value: Value | undefined; said: string[] } {
  const findings = new Findings(written, "f.yaml", { ...documentCodes, ...shapeCodes });
  const root = readDocument(findings, "keep one")?.root;
  const value = root === undefined ? undefined : shape.read(root, { findings, path: "" });
  const said = findings.diagnostics.map(
    ({ at, message, hint }) =>
      `${at?.line}:${at?.column} ${message}${hint === undefined ? "" : ` (${hint})`}`,
  );
  return { value, said };
}

const host = mapping("a host", {
  name: required(text()),
  retries: integer(0, 20),
  upload: word(["whole", "one-patch"]),
  http: flag,
});

describe("a mapping", () => {
  test("gives typed values", () => {
    const { value, said } = read(host, "{name: a, retries: 3, upload: whole, http: yes}");
    expect(said).toEqual([]);
    expect(value).toEqual({ name: "a", retries: 3, upload: "whole", http: true });
  });

  test("says all that is wrong, each at its place, and leaves out that alone", () => {
    const { value, said } = read(
      host,
      "retries: 21\nname: a\nhttp: maybe\nupload: hole\nretires: 3\nname: b\nhttp:\n",
    );
    expect(value).toEqual({ name: "a" });
    expect(said).toEqual([
      "1:10 expected a whole number from 0 to 20",
      "3:7 expected true or false",
      "4:9 expected whole or one-patch (did you mean whole?)",
      '5:1 unknown key "retires" in a host (did you mean retries?)',
      "6:1 the key name stands twice (keep one of them)",
      "7:1 the key http stands twice (keep one of them)",
    ]);
  });

  test("is nothing without a field that has to be there", () => {
    expect(read(host, "retries: 1")).toEqual({ value: undefined, said: ["1:1 name is missing"] });
    expect(read(host, "nmae: a")).toEqual({
      value: undefined,
      said: ['1:1 unknown key "nmae" in a host (did you mean name?)'],
    });
    expect(read(host, "name: []").said).toEqual(["1:7 name: expected a text, found a list"]);
    expect(read(host, "name:").said).toEqual(["1:6 name: expected a text, found nothing"]);
  });

  test("may take empty fields for absent, ignore unknown ones, and advise on others", () => {
    const lenient = mapping("x", { a: text() }, { skipsEmpty: true, ignoresUnknown: true });
    expect(read(lenient, "a:\nb: c\n")).toEqual({ value: {}, said: [] });
    const advised = mapping("x", { a: text() }, { advice: (key) => (key === "b" ? "no b here" : undefined) });
    expect(read(advised, "b: c\nd: e\n").said).toEqual([
      '1:1 unknown key "b" in x (no b here)',
      '2:1 unknown key "d" in x (x has a)',
    ]);
  });
});

test("entries of the user's names are checked by their keys", () => {
  const shape = record(orEmpty(integer(0, 9), 0), (name) =>
    name === "bad" ? { fault: "no such name" } : undefined,
  );
  expect(read(shape, "a: 1\nb:\nbad: 2\na: 3\n__proto__: 4\n")).toEqual({
    value: Object.fromEntries([
      ["a", 1],
      ["b", 0],
      ["__proto__", 4],
    ]),
    said: ["3:1 no such name", "4:1 the key a stands twice (keep one of them)"],
  });
});

test("a list leaves out items that are wrong, and may be one item", () => {
  expect(read(list(integer(0, 9)), "[1, x, 3]")).toEqual({
    value: [1, 3],
    said: ["1:5 expected a whole number from 0 to 9"],
  });
  expect(read(list(text(), { takesOne: true }), "a")).toEqual({ value: ["a"], said: [] });
  expect(read(list(text()), "a").said).toEqual(["1:1 expected a list, found a text"]);
  expect(read(list(text(), { min: 1 }), "[]").said).toEqual([
    "1:1 expected at least one, found an empty list",
  ]);
  expect(read(list(text(), { max: 2 }), "[a, b, c]").value).toEqual(["a", "b"]);
});

test("one of two shapes is told by what stands there", () => {
  const shape = either(
    made(text(), (name) => [name]),
    list(text()),
  );
  expect(read(shape, "a").value).toEqual(["a"]);
  expect(read(shape, "[a, b]").value).toEqual(["a", "b"]);
  expect(read(shape, "{a: b}").said).toEqual(["1:1 expected a text or a list, found a mapping"]);
});

test("a shape is what editors complete by", () => {
  const shape = described(mapping("x", { a: required(list(integer(1, 2))), b: flag }), "What it is.");
  expect(shape.editor).toEqual({
    type: "object",
    properties: {
      a: { type: "array", items: { type: "integer", minimum: 1, maximum: 2 } },
      b: { type: "boolean" },
    },
    required: ["a"],
    additionalProperties: false,
    description: "What it is.",
  });
});

describe("a document", () => {
  test("that is no YAML, or that goes on, is told", () => {
    expect(read(text(), "a: [\n").said[0]).toMatch(/^2:1 not YAML: /);
    expect(read(text(), "a\n---\nb\n")).toEqual({
      value: "a",
      said: ["2:1 a second document starts here (keep one)"],
    });
    expect(read(text(), "a: b\n<<<<<<< HEAD\n").said[0]).toMatch(/^2:1 not YAML: a merge left the marks/);
  });
});
