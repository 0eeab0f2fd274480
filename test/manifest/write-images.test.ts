import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ImageListing, listImages, parseImages, writeImages } from "../../src/manifest/index.ts";

const sha = (start: string): string => `sha256:${start.padEnd(64, start.at(-1))}`;

function listing(
  images: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>,
): ImageListing {
  return new Map(Object.entries(images).map(([name, digests]) => [name, new Map(Object.entries(digests))]));
}

const example = listing({
  foo: { [sha("f")]: ["0.9", "0.5"], [sha("abc")]: ["0.3", "0.2"], [sha("1")]: ["one"] },
  bar: { [sha("0")]: ["0.8", "0.5", "0.9"] },
});

describe("as snapshots are written", () => {
  test("images, digests and tags in byte order", () => {
    expect(writeImages(example, "snapshot")).toBe(
      `- name: bar\n  dmap:\n    "${sha("0")}": ["0.5", "0.8", "0.9"]\n` +
        `- name: foo\n  dmap:\n    "${sha("1")}": ["one"]\n    "${sha("abc")}": ["0.2", "0.3"]\n` +
        `    "${sha("f")}": ["0.5", "0.9"]\n`,
    );
  });

  test("digests without tags, and images without digests", () => {
    expect(writeImages(listing({ "123": { [sha("1")]: [] }, a: {} }), "snapshot")).toBe(
      `- name: 123\n  dmap:\n    "${sha("1")}": []\n- name: a\n  dmap:\n`,
    );
  });

  test("nothing is an empty text", () => {
    expect(writeImages(new Map(), "snapshot")).toBe("");
  });
});

describe("as kpromo pr writes them", () => {
  test("digests by their smallest tag, no blank behind the comma", () => {
    const images = listing({
      hyperkube: {
        [sha("54cd")]: ["v1.18.8"],
        [sha("0342")]: ["v1.16.16-rc.0"],
        [sha("9f35")]: ["v1.17.10"],
      },
      conformance: { [sha("17fc")]: ["v1.19.0"] },
      "kube-proxy": { [sha("c752")]: ["v1.19.0", "v1.18.8"] },
    });
    expect(writeImages(images, "pr")).toBe(
      `- name: conformance\n  dmap:\n    "${sha("17fc")}": ["v1.19.0"]\n` +
        `- name: hyperkube\n  dmap:\n    "${sha("0342")}": ["v1.16.16-rc.0"]\n    "${sha("9f35")}": ["v1.17.10"]\n` +
        `    "${sha("54cd")}": ["v1.18.8"]\n` +
        `- name: kube-proxy\n  dmap:\n    "${sha("c752")}": ["v1.18.8","v1.19.0"]\n`,
    );
  });

  test.each<[string, Readonly<Record<string, readonly string[]>>, string[]]>([
    ["one tag each", { "0342": ["v1.1.2"], "594b": ["v1.1.1"] }, ["594b", "0342"]],
    ["several tags", { "37cf": ["v2.1.3", "v2.1.0"], aa2e: ["v2.1.1", "v2.1.2"] }, ["37cf", "aa2e"]],
    [
      "bytes, not versions",
      { a1: ["buster-v1.4.0"], a2: ["buster-v1.10.0"], a3: ["v2.1.3", "buster-v1.1.3"] },
      ["a3", "a2", "a1"],
    ],
    ["equal tags, by digest", { b2: ["v2.1.0"], a1: ["v2.1.0"] }, ["a1", "b2"]],
    ["no tags come first", { a1: ["v1"], c3: [], b2: [] }, ["b2", "c3", "a1"]],
  ])("%s", (_, digests, order) => {
    const images = listing({
      x: Object.fromEntries(Object.entries(digests).map(([start, tags]) => [sha(start), tags])),
    });
    const written = writeImages(images, "pr").split("\n").slice(2, -1);
    expect(written.map((line) => line.slice(5, 76))).toEqual(order.map(sha));
  });
});

test("as CSV: a line for each tag", () => {
  expect(
    writeImages(
      listing({ foo: { [sha("b")]: ["2", "1"], [sha("a")]: [] }, bar: { [sha("c")]: ["x"] } }),
      "csv",
    ),
  ).toBe(`bar@${sha("c")},bar:x\nfoo@${sha("a")},-\nfoo@${sha("b")},foo:1\nfoo@${sha("b")},foo:2\n`);
});

const listings = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom("a", "b/c", "123", "true", "null", "x-y"),
      fc.uniqueArray(
        fc.tuple(
          fc.constantFrom("0", "1", "a", "f"),
          fc.uniqueArray(fc.constantFrom("1.10", "yes", "v1", "null", "0x1")),
        ),
        {
          selector: ([start]) => start,
          minLength: 1,
        },
      ),
    ),
    { selector: ([name]) => name },
  )
  .map(
    (images) =>
      new Map(
        images.map(([name, digests]) => [name, new Map(digests.map(([start, tags]) => [sha(start), tags]))]),
      ),
  );

test.each(["snapshot", "pr"] as const)("what is written as %s says the same when it is read", (format) => {
  fc.assert(
    fc.property(listings, (images) => {
      const written = writeImages(images, format);
      const { images: read, diagnostics } = parseImages(written, "images.yaml");
      // The incumbents never quote names, so a name such as null is no name to a reader: that is their form.
      fc.pre(!images.has("null"));
      expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
      expect(writeImages(listImages(read ?? []), format)).toBe(written);
      expect(sorted(listImages(read ?? []))).toEqual(sorted(images));
    }),
  );
});

function sorted(images: ImageListing): unknown {
  return [...images]
    .map(([name, digests]) => [name, [...digests].map(([digest, tags]) => [digest, [...tags].sort()]).sort()])
    .sort();
}

test("blocks of one name, and lines of one digest, become one", () => {
  const text = [
    `- {name: x, dmap: {"${sha("a")}": [v1]}}`,
    `- {name: y, dmap: {"${sha("a")}": []}}`,
    `- {name: x, dmap: {"${sha("b")}": [v2], "${sha("a")}": [v3, v1]}}`,
  ].join("\n");
  expect(writeImages(listImages(parseImages(text, "images.yaml").images ?? []), "snapshot")).toBe(
    `- name: x\n  dmap:\n    "${sha("a")}": ["v1", "v3"]\n    "${sha("b")}": ["v2"]\n` +
      `- name: y\n  dmap:\n    "${sha("a")}": []\n`,
  );
});
