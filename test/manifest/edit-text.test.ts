import { expect, test } from "vitest";
import { applyEdits, insertLines, lineBreakAt } from "../../src/manifest/edit/text.ts";

test("edits take nothing away but blanks, empty lists and null", () => {
  for (const [text, start, end] of [
    ["a: []", 2, 5],
    ["a: { }", 2, 6],
    ["a: ~", 2, 4],
    ["a: null", 2, 7],
  ] as const) {
    expect(applyEdits(text, [{ start, end, text: "x" }])).toBe("a:x");
  }
  for (const text of ["a: [b]", "a: b", "a: # c", "a\n\n\n\n"]) {
    expect(() => applyEdits(text, [{ start: 2, end: text.length, text: "" }])).toThrow("would damage");
  }
});

test("edits that overlap are refused, edits at one place keep their order", () => {
  const replaced = { start: 0, end: 2, text: "x" };
  expect(() => applyEdits("[]", [replaced, { start: 1, end: 1, text: "y" }])).toThrow("would damage");
  const at = (text: string) => ({ start: 1, end: 1, text });
  expect(applyEdits("ab", [at("1"), at("2")])).toBe("a12b");
});

test("lines come with the break of the line before them, and leave an unfinished end unfinished", () => {
  expect(lineBreakAt("a\r\nb\n", 3)).toBe("\r\n");
  expect(lineBreakAt("a\r\nb\n", 5)).toBe("\n");
  expect(insertLines("a\n", 2, ["b", "c"]).text).toBe("b\nc\n");
  expect(insertLines("a\r\nb", 4, ["c"]).text).toBe("\r\nc");
  expect(insertLines("", 0, ["a"]).text).toBe("a\n");
});
