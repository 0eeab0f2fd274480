import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  chooseOrder,
  compareBytes,
  compareNaturally,
  type Order,
  placeIn,
  tagOrders,
} from "../../src/manifest/edit/order.ts";

describe("the natural order", () => {
  test.each([
    ["v1.9", "v1.10"],
    ["v1.09", "v1.10"],
    ["v1.2", "v1.2.1"],
    ["1.18.0", "1.18.10"],
    ["a", "b"],
    ["v20191231-abc", "v20200101-abc"],
    ["9".repeat(30), `1${"0".repeat(30)}`],
  ])("%s before %s", (first, second) => {
    expect(compareNaturally(first, second)).toBeLessThan(0);
    expect(compareNaturally(second, first)).toBeGreaterThan(0);
  });

  test("pre-releases come first only where versions are meant", () => {
    expect(compareNaturally("v1.0.0-rc.1", "v1.0.0", true)).toBeLessThan(0);
    expect(compareNaturally("v1.0.0-rc.1", "v1.0.0")).toBeGreaterThan(0);
    expect(compareNaturally("v1.0.0-alpha", "v1.0.0-beta", true)).toBeLessThan(0);
    expect(compareNaturally("v1.0.0-rc.1", "v1.0.0-rc.1.1", true)).toBeLessThan(0);
  });

  test.each([true, false])("is an order (pre-releases first: %s)", (preReleases) => {
    const tag = fc.stringMatching(/^[0v][0-9.a-]{0,6}$/);
    const compare = (a: string, b: string) => Math.sign(compareNaturally(a, b, preReleases));
    fc.assert(
      fc.property(tag, tag, tag, (a, b, c) => {
        expect(compare(a, b) + compare(b, a)).toBe(0);
        expect(compare(a, b) === 0).toBe(a === b);
        if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the place of an item", () => {
  const bytes: Order<string> = { compare: compareBytes };

  test("keeps a sorted list sorted", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.string(), (texts, text) => {
        const list = texts.toSorted(compareBytes);
        expect(list.toSpliced(placeIn(bytes, list, text), 0, text)).toEqual(
          [...texts, text].sort(compareBytes),
        );
      }),
    );
  });

  test("is the end without an order", () => {
    expect(placeIn(undefined, ["c", "a"], "b")).toBe(2);
  });

  test("is behind what comes right before it, wherever that stands", () => {
    expect(placeIn(bytes, ["a", "c", "e", "b"], "d")).toBe(2);
    expect(placeIn(bytes, ["c", "d", "e"], "b")).toBe(0);
  });
});

describe("the order of a list", () => {
  const chosen = (list: readonly string[], others: readonly (readonly string[])[] = []) =>
    tagOrders.indexOf(chooseOrder(tagOrders, list, others) ?? { compare: () => 0 });

  test("is the likeliest one that it keeps", () => {
    expect(chosen(["a", "b"])).toBe(0);
    expect(chosen(["v9", "v10"])).toBe(1);
    expect(chosen(["v1", "v1-rc"])).toBe(0);
    expect(chosen(["b", "a"])).toBe(3);
  });

  test("is that of the rest of the file where it does not tell", () => {
    expect(chosen(["a", "b"], [["v9", "v10", "v11"]])).toBe(1);
    expect(chosen([], [["c", "b", "a"]])).toBe(3);
  });

  test("is none where it keeps none", () => {
    expect(chosen(["c", "e", "a", "d", "b", "f"])).toBe(-1);
  });
});
