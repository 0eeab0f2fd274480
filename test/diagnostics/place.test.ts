import { describe, expect, test } from "vitest";
import { comparePlaces, formatPlace, LineIndex } from "../../src/diagnostics/index.ts";

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
  });
});

describe("a place", () => {
  test.each([
    [{ file: "a.yaml" }, "a.yaml"],
    [{ file: "a.yaml", line: 3 }, "a.yaml:3"],
    [{ file: "a.yaml", line: 3, column: 1 }, "a.yaml:3:1"],
  ])("%j is %s", (place, text) => {
    expect(formatPlace(place)).toBe(text);
  });

  test("comes behind its file as a whole, and in the order of lines and columns", () => {
    const places = [
      { file: "b" },
      { file: "a", line: 10, column: 1 },
      { file: "a", line: 9, column: 2 },
      { file: "a", line: 9, column: 1 },
      { file: "a" },
    ];
    expect(places.toSorted(comparePlaces).map(formatPlace)).toEqual(["a", "a:9:1", "a:9:2", "a:10:1", "b"]);
  });
});
