import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRunId, newestFirst, snowflake, timeOfId } from "../../../src/store/prow/snowflake.ts";

const epoch = 1288834974657;
const someTime = fc.integer({ min: epoch + 2 ** 31, max: epoch + 2 ** 41 - 1000 });
const some = fc.integer({ min: 0, max: 20_000 });

describe("the id of a run", () => {
  it("is one that Prow made, as text", () => {
    expect(timeOfId("1384977461019676672")?.toISOString()).toBe("2021-04-21T21:08:53.001Z");
    expect(snowflake(Date.parse("2021-04-21T21:08:53.001Z"), 0)).toBe("1384977461019676672");
  });

  it("tells the time of the start, however many begin at once", () => {
    fc.assert(
      fc.property(someTime, some, (time, at) => {
        const id = snowflake(time, at);
        expect(isRunId(id)).toBe(true);
        expect(timeOfId(id)?.getTime()).toBe(time + Math.floor(at / 4096));
      }),
    );
  });

  it("is another for each run, and orders them", () => {
    fc.assert(
      fc.property(someTime, some, some, (time, a, b) => {
        const order = newestFirst(snowflake(time, a), snowflake(time, b));
        expect(Math.sign(order)).toBe(Math.sign(b - a));
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n }), fc.bigInt({ min: 0n, max: 2n ** 64n }), (a, b) => {
        expect(Math.sign(newestFirst(String(a), String(b)))).toBe(a === b ? 0 : a < b ? 1 : -1);
      }),
    );
  });

  it("has no time when it was counted, and is no other text", () => {
    for (const id of ["0", "5", "12345"]) expect([isRunId(id), timeOfId(id)]).toEqual([true, undefined]);
    for (const text of ["", "01", "-1", "1.5", "abc", "1".repeat(40), "latest-build.txt"]) {
      expect([isRunId(text), timeOfId(text)]).toEqual([false, undefined]);
    }
    expect(snowflake(0, 0)).toBe("4096");
  });
});
