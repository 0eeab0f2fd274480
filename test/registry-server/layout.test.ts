import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDigest, parseTag } from "../../src/oci/index.ts";
import {
  referrerName,
  referrerOfName,
  tagFileName,
  tagOfFileName,
} from "../../src/registry-server/layout.ts";

const anyTag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/).map(parseTag);

describe("file names of tags", () => {
  test.each([
    ["v1.2.3", "v1.2.3"],
    ["V1", "v1+1"],
    ["vA", "va+2"],
    ["RC_1", "rc_1+3"],
  ])("%s is kept as %s", (tag, name) => {
    expect(tagFileName(parseTag(tag))).toBe(name);
  });

  test("every tag is found again by its name", () => {
    fc.assert(
      fc.property(anyTag, (tag) => {
        expect(tagOfFileName(tagFileName(tag))).toBe(tag);
      }),
    );
  });

  test("tags that differ only by case have names that differ without it", () => {
    fc.assert(
      fc.property(anyTag, (tag) => {
        const other = parseTag(tag.toLowerCase());
        fc.pre(other !== tag);
        expect(tagFileName(tag).toLowerCase()).not.toBe(tagFileName(other).toLowerCase());
      }),
    );
  });

  test("the longest tag has a name that file systems take", () => {
    expect(tagFileName(parseTag("A".repeat(128))).length).toBeLessThan(255);
  });

  test.each(["", "a+", "a+0", "a+zz", "A", "a+4", ".hidden", "+1", `a+${"f".repeat(40)}`])(
    "%j is the name of no tag",
    (name) => expect(tagOfFileName(name)).toBeUndefined(),
  );
});

describe("file names of referrers", () => {
  test.each([`sha256:${"0".repeat(64)}`, `sha512:${"f".repeat(128)}`])("%s is found again", (text) => {
    const digest = parseDigest(text);
    expect(referrerOfName(referrerName(digest))).toBe(digest);
  });

  test("another file is none", () => expect(referrerOfName("notes.txt")).toBeUndefined());
});
