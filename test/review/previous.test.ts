import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseTag, type Tag } from "../../src/oci/index.ts";
import { compareVersions, previousVersion, versionOf } from "../../src/review/previous.ts";
import { digestFor } from "../promotion/world.ts";

const at = { offset: 0, line: 1, column: 1 };
const listed = (...tags: (string | null)[]) => [
  {
    digests: tags.map((tag, line) => ({
      digest: digestFor(`${tag ?? line}`),
      at: { ...at, line },
      tags: tag === null ? [] : [{ tag: parseTag(tag), at }],
    })),
  },
];
const tagBefore = (tag: string, ...others: (string | null)[]): Tag | null | undefined =>
  previousVersion(listed(...others), digestFor(tag), parseTag(tag))?.tag;

describe("the version before", () => {
  test("is the highest of those below, in whatever order they are listed", () => {
    expect(tagBefore("v1.10.0", "v1.10.0", "v1.9.0", "v1.2.0", "v2.0.0")).toBe("v1.9.0");
    expect(tagBefore("v1.2.0", "v1.1.9", "v1.2.0-rc.1", "v1.2.0", "v1.2.0-beta.11")).toBe("v1.2.0-rc.1");
    expect(tagBefore("1.14-1", "1.13-9", "1.14-1", "1.2-9")).toBe("1.13-9");
    expect(tagBefore("v20240601-abc", "v20231201-fff", "v20240601-abc", "v20240101-000")).toBe(
      "v20240101-000",
    );
  });

  test("is the line before it where the tag is no version, or the lowest, but never a higher one", () => {
    expect(tagBefore("latest", "one", "latest", "two")).toBe("one");
    expect(tagBefore("v1.0.0", "v1.0.0", "v2.0.0", "v3.0.0")).toBeUndefined();
    expect(tagBefore("v1.19.0", "v1.19.0", "v1.19.1-rc.0")).toBeUndefined();
    expect(tagBefore("v1.0.0", "nightly", "v2.0.0", "v1.0.0")).toBe("nightly");
    expect(tagBefore("first", "first", "second")).toBe("second");
    expect(tagBefore("first", "first")).toBeUndefined();
  });

  test("may have no tag, and is never the same digest", () => {
    expect(tagBefore("b", null, "b")).toBeNull();
    const twice = listed("v1.0.0", "v1.1.0");
    const same = [
      ...twice,
      { digests: [{ ...twice[0]?.digests[0], tags: [{ tag: parseTag("v1.0.9"), at }] }] },
    ];
    expect(previousVersion(same as typeof twice, digestFor("v1.0.0"), parseTag("v1.1.0"))?.tag).toBe(
      "v1.1.0",
    );
  });
});

describe("versions", () => {
  test("are ordered as in section 11 of semantic versioning", () => {
    const order = [
      "1.0.0-alpha",
      "1.0.0-alpha.1",
      "1.0.0-alpha.beta",
      "1.0.0-beta",
      "1.0.0-beta.2",
      "1.0.0-beta.11",
      "1.0.0-rc.1",
      "1.0.0",
    ];
    const shuffled = order.toReversed().sort((one, other) => {
      const [left, right] = [versionOf(one), versionOf(other)];
      return left === undefined || right === undefined ? 0 : compareVersions(left, right);
    });
    expect(shuffled).toEqual(order);
  });

  test("have a total order", () => {
    const version = fc
      .stringMatching(/^v?\d{1,3}(\.\d{1,3}){0,2}(-[a-z0-9]{1,3}(\.[a-z0-9]{1,2}){0,2})?$/)
      .map(versionOf)
      .filter((found) => found !== undefined);
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});
