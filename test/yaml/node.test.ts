import { describe, expect, test } from "vitest";
import { isNullScalar, LineIndex, parseYaml, readBoolean, type YamlNode } from "../../src/yaml/index.ts";

function itemOf(text: string): YamlNode {
  const { root } = parseYaml(`- ${text}\n`);
  const item = root?.kind === "sequence" ? root.items[0] : undefined;
  if (item === undefined) throw new Error("no item");
  return item;
}

describe("null", () => {
  test.each(["", "~", "null", "Null", "NULL"])("%j stands for no value", (text) => {
    expect(isNullScalar(itemOf(text))).toBe(true);
  });

  test.each(['""', "''", '"null"', "nULL", "nil", "[]", "{}", "0"])("%j is a value", (text) => {
    expect(isNullScalar(itemOf(text))).toBe(false);
  });
});

describe("booleans of YAML 1.1", () => {
  test.each(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])(
    "%s is true",
    (text) => {
      expect(readBoolean(itemOf(text))).toBe(true);
    },
  );

  test.each(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])(
    "%s is false",
    (text) => {
      expect(readBoolean(itemOf(text))).toBe(false);
    },
  );

  test.each(['"true"', "'yes'", "1", "0", "tRUE", "yEs", "", "~", "[true]"])("%j is no boolean", (text) => {
    expect(readBoolean(itemOf(text))).toBeUndefined();
  });
});

describe("lines and columns", () => {
  const lines = new LineIndex("ab\r\n\n\u{1F600}c");

  test.each([
    [0, 1, 1],
    [2, 1, 3],
    [3, 1, 4],
    [4, 2, 1],
    [5, 3, 1],
    [7, 3, 3],
    [8, 3, 4],
  ])("offset %d is at %d:%d", (offset, line, column) => {
    expect(lines.at(offset)).toEqual({ line, column });
  });

  test("a byte order mark takes no column", () => {
    const marked = new LineIndex("\uFEFFa\nb");
    expect([marked.at(0), marked.at(1), marked.at(3)]).toEqual([
      { line: 1, column: 1 },
      { line: 1, column: 1 },
      { line: 2, column: 1 },
    ]);
    expect(marked.startOf(1)).toBe(1);
  });

  test("lines are found again", () => {
    expect([1, 2, 3].map((line) => lines.startOf(line))).toEqual([0, 4, 5]);
  });
});
