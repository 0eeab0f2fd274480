import { describe, expect, test } from "vitest";
import { asJson } from "../../src/disk/index.ts";

const edge = {
  name: 'a "tag"\n',
  at: { file: "é 😀", line: 1 },
  tags: ["v1", []],
  none: undefined,
  nothing: null,
};

describe("JSON in parts", () => {
  test.each([
    {},
    [],
    {
      work: [],
      problems: [edge, {}, null, undefined, [edge, []], 1, "text\n"],
      counts: { done: 1 },
      since: undefined,
    },
    { first: undefined, second: "\u2028", third: [[[]]], date: new Date(0), number: -0.5 },
    [edge, edge],
  ])("is what it is as a whole", (value) => {
    expect([...asJson(value)].join("")).toBe(`${JSON.stringify(value, undefined, 2)}\n`);
  });

  test("is as long as ten thousand elements in no part, and comes again", () => {
    const parts = asJson({ work: Array.from({ length: 10_000 }, () => edge) });
    const lengths = Array.from(parts, ({ length }) => length);
    expect(lengths.length).toBeGreaterThan(10);
    expect(Math.max(...lengths)).toBeLessThan(70_000);
    expect(Array.from(parts, ({ length }) => length)).toEqual(lengths);
  });
});
