import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dateOfTag, versionTag } from "../../src/builds/source.ts";
import { isTag } from "../../src/oci/index.ts";

describe("the tag of a build", () => {
  test.each([
    ["b5f70ac", "v20261120-b5f70ac"],
    ["v0.1.0", "v20261120-v0.1.0"],
    ["v0.1.0-1-g9ba563e", "v20261120-v0.1.0-1-g9ba563e"],
    ["v0.1.0-1-g9ba563e-dirty", "v20261120-v0.1.0-1-g9ba563e-dirty"],
    ["kustomize/v4.1.2", "v20261120-kustomizev4.1.2"],
    ["v1.0.0+build.5", "v20261120-v1.0.0build.5"],
    ["élan/v1", "v20261120-lanv1"],
  ])("leaves out of %s what no tag may have", (described, tag) => {
    expect(versionTag("20261120", described)).toBe(tag);
  });

  test("is a tag, or is refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (described) => {
        try {
          expect(isTag(versionTag("20261120", described))).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid-tag" });
          expect(described.length).toBeGreaterThan(118);
        }
      }),
    );
  });

  test("has the day of the commit in UTC, whatever the machine's clock shows", () => {
    expect(dateOfTag(new Date("2026-11-20T23:59:59Z"), "utc")).toBe("20261120");
    expect(dateOfTag(new Date(2026, 0, 2, 3), "local")).toBe("20260102");
  });
});
