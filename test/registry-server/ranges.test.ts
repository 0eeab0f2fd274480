import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readContentRange, readRange } from "../../src/registry-server/ranges.ts";

describe("Range", () => {
  test.each([
    [undefined, undefined],
    ["bytes=500-1499", { start: 500, end: 1499 }],
    ["bytes=500-", { start: 500, end: 2047 }],
    ["bytes=-500", { start: 1548, end: 2047 }],
    ["bytes=-5000", { start: 0, end: 2047 }],
    ["bytes=2000-5000", { start: 2000, end: 2047 }],
    ["bytes=500-0", "unsatisfiable"],
    ["bytes=5000-10000", "unsatisfiable"],
    ["bytes=2048-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=-", undefined],
    ["bytes=0-1,5-6", undefined],
    ["items=0-1", undefined],
  ])("%s of 2048 bytes", (header, range) => {
    expect(readRange(header, 2048)).toEqual(range);
  });

  test("is always within the body", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (first, last, size) => {
        for (const header of [`bytes=${first}-${last}`, `bytes=${first}-`, `bytes=-${last}`]) {
          const range = readRange(header, size);
          if (typeof range !== "object") continue;
          expect(range.start).toBeGreaterThanOrEqual(0);
          expect(range.end).toBeGreaterThanOrEqual(range.start);
          expect(range.end).toBeLessThan(size);
        }
      }),
    );
  });
});

describe("Content-Range", () => {
  test.each([
    [undefined, undefined],
    ["0-99", { start: 0, end: 99 }],
    ["5-5", { start: 5, end: 5 }],
    ["99-0", "malformed"],
    ["bytes 0-99/100", "malformed"],
    ["0-", "malformed"],
    ["-1-5", "malformed"],
    ["1e3-2e3", "malformed"],
  ])("%s", (header, range) => {
    expect(readContentRange(header)).toEqual(range);
  });
});
