import fc from "fast-check";
import { expect, test } from "vitest";
import { isTag, OciError, parseTag } from "../../src/oci/index.ts";
import { tags } from "./grammar.ts";

test.each(["a", "_", "latest", "_latest", "_____----hello........", "a".repeat(128), "1.10", "V1"])(
  "%s is a tag",
  (text) => {
    expect(isTag(text)).toBe(true);
    expect(parseTag(text)).toBe(text);
  },
);

test.each([
  "",
  ".",
  "-",
  "안녕",
  "a b",
  "a".repeat(129),
  "a:b",
  "a/b",
  "a@b",
  "a+b",
  "a\n",
  "\na",
  "é",
  "..",
  "ａ",
])("%j is none", (text) => {
  expect(isTag(text)).toBe(false);
  expect(() => parseTag(text)).toThrow(OciError);
});

test("everything the grammar makes is a tag", () => {
  fc.assert(fc.property(tags, (text) => isTag(text)));
});

test("any text is a tag exactly when each of its characters is allowed where it stands", () => {
  const near = fc.string({ unit: fc.constantFrom(..."aZ9_.-/: \n"), maxLength: 130 });
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: "binary" })), (text) => {
      const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"];
      const fits =
        text.length >= 1 &&
        text.length <= 128 &&
        letters.includes(text.slice(0, 1)) &&
        [...text].every((letter) => letter === "." || letter === "-" || letters.includes(letter));
      expect(isTag(text)).toBe(fits);
    }),
  );
});
