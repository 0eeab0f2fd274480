import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonFaultOffset } from "../../src/registry/credentials/json.ts";

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test.each([
  ["", 0],
  ["{", 1],
  ["{}}", 2],
  ["{,}", 1],
  ['{"a" 1}', 5],
  ['{"a":1,}', 7],
  ["{1:2}", 1],
  ['{"a":{null:1}}', 6],
  ["{[1]:2}", 1],
  ["[1,]", 3],
  ["[1 2]", 3],
  ["[01]", 1],
  ['{"a":"\n"}', 5],
  ["nul", 0],
  ['{"a":tru}', 5],
  ["[1]x", 3],
  ['["\u007f \u{1f600}"]', undefined],
])("%j is broken at %i", (text, offset) => {
  expect(jsonFaultOffset(text)).toBe(offset);
});

test("it finds a fault exactly where JSON.parse does", () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.nat(),
      fc.constantFrom("", "x", ",", '"', "{", "]", "\n", "1"),
      (json, at, stray) => {
        const place = at % (json.length + 1);
        const text = json.slice(0, place) + stray + json.slice(place);
        expect(jsonFaultOffset(text) === undefined).toBe(parses(text));
      },
    ),
    { numRuns: 2000 },
  );
});

test("a text that was cut off is broken at its end or at its last token", () => {
  fc.assert(
    fc.property(fc.object(), fc.nat(), (value, at) => {
      const json = JSON.stringify(value);
      const cut = json.slice(0, at % json.length);
      const offset = jsonFaultOffset(cut);
      expect(offset).toBeTypeOf("number");
      expect(cut.slice(offset)).toMatch(/^(?:".*|[a-z0-9.+-]*)$/s);
    }),
  );
});
