import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkTree, edgesOf, findOverlaps } from "../../src/edges/index.ts";
import { type ManifestTree, type PromoterManifest, parsePlainManifest } from "../../src/manifest/index.ts";
import { digestOfWord } from "../manifest/findings.ts";

const d0 = digestOfWord("0");
const d1 = digestOfWord("1");

type Image = readonly [name: string, digest: string, ...tags: string[]];

/** A manifest of one line for each image, so that the line tells which one it is. */
function manifest(
  project: string,
  destinations: readonly string[],
  ...images: readonly Image[]
): PromoterManifest {
  const text = [
    `registries: [{name: gcr.io/${project}, src: true}, ${destinations.map((name) => `{name: ${name}}`).join(", ")}]`,
    "images:",
    ...images.map(
      ([name, digest, ...tags]) => `- {name: ${name}, dmap: {"${digest}": [${tags.join(", ")}]}}`,
    ),
  ].join("\n");
  const { registries, images: read } = parsePlainManifest(text, `${project}.yaml`);
  if (registries === undefined || read === undefined) throw new Error("not a manifest");
  return { project, file: `${project}.yaml`, imagesFile: `${project}.yaml`, ...registries, images: read };
}

function overlapsOf(...manifests: readonly PromoterManifest[]): unknown {
  return findOverlaps(edgesOf(manifests)).map(({ repositories, tag, claims }) => [
    repositories,
    tag,
    claims.map(({ project, at, digest }) => `${project}:${at.line} ${digest === d0 ? "d0" : "d1"}`),
  ]);
}

describe("no overlap", () => {
  test.each<[string, PromoterManifest[]]>([
    ["no edges", []],
    ["one edge", [manifest("a", ["us.gcr.io/prod"], ["x", d0, "0.9"])]],
    ["other names", [manifest("a", ["us.gcr.io/prod"], ["x", d0, "0.9"], ["y", d1, "0.9"])]],
    ["other tags", [manifest("a", ["us.gcr.io/prod"], ["x", d0, "0.9"], ["x", d1, "1.0"])]],
    ["no tags", [manifest("a", ["us.gcr.io/prod"], ["x", d0], ["x", d1])]],
    ["the same twice", [manifest("a", ["us.gcr.io/prod"], ["x", d0, "0.9"], ["x", d0, "0.9"])]],
    [
      "the same from two sources",
      [
        manifest("a", ["us.gcr.io/prod"], ["x", d0, "0.9"]),
        manifest("b", ["us.gcr.io/prod"], ["x", d0, "0.9"]),
      ],
    ],
    [
      "other destinations",
      [
        manifest("a", ["us.gcr.io/prod"], ["x", d0, "0.9"]),
        manifest("b", ["eu.gcr.io/prod"], ["x", d1, "0.9"]),
      ],
    ],
    ["no destinations", [manifest("a", ["gcr.io/b"], ["x", d0, "0.9"])]],
  ])("%s", (_, manifests) => {
    expect(findOverlaps(edgesOf(manifests))).toEqual([]);
  });
});

describe("an overlap", () => {
  test("within a project, told once for all its destinations", () => {
    const project = manifest(
      "a",
      ["us.gcr.io/prod", "eu.gcr.io/prod"],
      ["x", d0, "0.9", "v1"],
      ["x", d1, "0.9"],
    );
    expect(overlapsOf(project)).toEqual([
      [["eu.gcr.io/prod/x", "us.gcr.io/prod/x"], "0.9", ["a:3 d0", "a:4 d1"]],
    ]);
  });

  test("between projects, only where they meet", () => {
    const one = manifest("a", ["us.gcr.io/prod", "eu.gcr.io/prod"], ["x", d0, "0.9"]);
    const other = manifest("b", ["us.gcr.io/prod", "asia.gcr.io/prod"], ["x", d1, "0.9"]);
    expect(overlapsOf(one, other)).toEqual([[["us.gcr.io/prod/x"], "0.9", ["a:3 d0", "b:3 d1"]]]);
  });

  test("of paths that are cut differently into registry and name", () => {
    const one = manifest("a", ["us.gcr.io/prod/sub"], ["x", d0, "0.9"]);
    const other = manifest("b", ["us.gcr.io/prod"], ["sub/x", d1, "0.9"]);
    expect(overlapsOf(one, other)).toEqual([[["us.gcr.io/prod/sub/x"], "0.9", ["a:3 d0", "b:3 d1"]]]);
  });

  test("names every line that asks, also those that agree", () => {
    const one = manifest("a", ["us.gcr.io/prod"], ["x", d0, "0.9"]);
    const two = manifest("b", ["us.gcr.io/prod"], ["x", d1, "0.9"], ["x", d0, "0.9"]);
    expect(overlapsOf(one, two)).toEqual([[["us.gcr.io/prod/x"], "0.9", ["a:3 d0", "b:3 d1", "b:4 d0"]]]);
  });

  test("of one project is told once, although another writes one of its repositories too", () => {
    const one = manifest("a", ["us.gcr.io/prod", "eu.gcr.io/prod"], ["x", d0, "0.9"], ["x", d1, "0.9"]);
    const other = manifest("b", ["eu.gcr.io/prod"], ["x", d1, "2.0"]);
    expect(overlapsOf(one, other)).toEqual([
      [["eu.gcr.io/prod/x", "us.gcr.io/prod/x"], "0.9", ["a:3 d0", "a:4 d1"]],
    ]);
  });

  test("is an error at the second of the two lines", () => {
    const manifests = [
      manifest("a", ["us.gcr.io/prod", "eu.gcr.io/prod"], ["x", d0, "0.9"], ["x", d1, "0.9"]),
    ];
    const tree: ManifestTree = { path: ".", manifests, diagnostics: [], unreadable: [] };
    const { diagnostics, overlaps } = checkTree(tree);
    expect(overlaps).toHaveLength(1);
    expect(diagnostics).toEqual([
      {
        code: "overlap",
        severity: "error",
        message: `overlapping edges detected: eu.gcr.io/prod/x:0.9 and 1 more is asked for with 2 digests: ${d0}, ${d1}`,
        hint: "keep the tag at one digest; a tag that production has already cannot move",
        file: "a.yaml",
        at: overlaps[0]?.claims[1]?.at,
        related: [{ file: "a.yaml", at: overlaps[0]?.claims[0]?.at, message: `0.9 at ${d0}` }],
      },
    ]);
  });
});

test("overlaps are exactly what comparing all edges finds", () => {
  const image = fc.tuple(fc.constantFrom("x", "s/x"), fc.constantFrom(d0, d1), fc.subarray(["v1", "v2"]));
  const project = fc.tuple(
    fc.subarray(["us.gcr.io/p", "us.gcr.io/p/s", "eu.gcr.io/p"], { minLength: 1 }),
    fc.array(image, { maxLength: 3 }),
  );
  fc.assert(
    fc.property(fc.array(project, { maxLength: 4 }), (projects) => {
      const manifests = projects.map(([destinations, images], at) =>
        manifest(
          `p${at}`,
          destinations,
          ...images.map(([name, digest, tags]): Image => [name, digest, ...tags]),
        ),
      );
      const told = findOverlaps(edgesOf(manifests)).flatMap(({ repositories, tag }) =>
        repositories.map((repository) => `${repository}:${tag}`),
      );
      expect(told.toSorted()).toEqual(contested(manifests));
    }),
    { numRuns: 500 },
  );
});

function contested(manifests: readonly PromoterManifest[]): string[] {
  const digests = new Map<string, Set<string>>();
  for (const { destinations, images } of manifests) {
    for (const destination of destinations) {
      for (const image of images) {
        for (const { digest, tags } of image.digests) {
          for (const { tag } of tags) {
            const place = `${destination.name}/${image.name}:${tag}`;
            digests.set(place, (digests.get(place) ?? new Set()).add(digest));
          }
        }
      }
    }
  }
  return [...digests]
    .filter(([, wanted]) => wanted.size > 1)
    .map(([place]) => place)
    .sort();
}
