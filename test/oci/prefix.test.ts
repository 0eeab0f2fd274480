import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { longestPrefix, prefixFault, restBelow } from "../../src/oci/index.ts";

const segment = fc.constantFrom(
  "a",
  "b",
  "ab",
  "a.b",
  "registry.example.com",
  "registry.example.com.evil.org",
);
const segments = fc.array(segment, { minLength: 1, maxLength: 5 });

describe("a prefix of whole segments", () => {
  test.each([
    ["registry.example.com", "registry.example.com/team/app", "team/app"],
    ["registry.example.com/team", "registry.example.com/team/app", "app"],
    ["registry.example.com/team/app", "registry.example.com/team/app", ""],
    ["registry.example.com", "registry.example.com.evil.org/team/app", undefined],
    ["registry.example.com/team", "registry.example.com/teams/app", undefined],
    ["registry.example.com/team/app/x", "registry.example.com/team/app", undefined],
    ["registry.example.com", "registry.example.com:5000/app", undefined],
  ])("%s of %s leaves %s", (prefix, name, rest) => {
    expect(restBelow(prefix, name)).toBe(rest);
  });

  test("is what comparing the lists of segments says", () => {
    fc.assert(
      fc.property(segments, segments, (prefix, name) => {
        const matches = prefix.length <= name.length && prefix.every((part, at) => part === name[at]);
        const rest = restBelow(prefix.join("/"), name.join("/"));
        expect(rest).toBe(matches ? name.slice(prefix.length).join("/") : undefined);
      }),
    );
  });

  test("prefix and rest make the name again", () => {
    fc.assert(
      fc.property(segments, fc.array(segment), (prefix, more) => {
        const name = [...prefix, ...more].join("/");
        const rest = restBelow(prefix.join("/"), name);
        expect([...prefix, ...(rest ? [rest] : [])].join("/")).toBe(name);
      }),
    );
  });
});

describe("the longest prefix", () => {
  test("is the one with the most segments, whatever the order of the entries", () => {
    fc.assert(
      fc.property(fc.array(segments), segments, (prefixes, name) => {
        const texts = prefixes.map((prefix) => prefix.join("/"));
        const found = longestPrefix(texts, (text) => text, name.join("/"));
        const backwards = longestPrefix(texts.toReversed(), (text) => text, name.join("/"));
        const lengths = prefixes
          .filter((prefix) => prefix.every((part, at) => part === name[at]))
          .map((prefix) => prefix.length);
        expect(found?.entry.split("/").length).toBe(lengths.length === 0 ? undefined : Math.max(...lengths));
        expect(backwards).toEqual(found);
      }),
    );
  });

  test("of two equal ones is the first", () => {
    const entries = [
      { prefix: "a", id: 1 },
      { prefix: "a", id: 2 },
    ];
    expect(longestPrefix(entries, (entry) => entry.prefix, "a/b")?.entry.id).toBe(1);
  });
});

describe("what can be a prefix", () => {
  test.each(["gcr.io", "localhost", "localhost:5000", "gcr.io/k8s-staging-foo", "[::1]:5000/a"])(
    "%s",
    (text) => {
      expect(prefixFault(text)).toBeUndefined();
    },
  );

  test.each(["", "registry", "gcr.io/", "/gcr.io", "gcr.io//a", "gcr.io/../a", "https://gcr.io", "a@gcr.io"])(
    "not %j",
    (text) => {
      expect(prefixFault(text)).toBeTypeOf("string");
    },
  );
});
