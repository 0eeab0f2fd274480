import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codeSpan, comparisonAsMarkdown, comparisonAsText, differs } from "../../src/comparison/index.ts";
import { compareManifests } from "../../src/edges/index.ts";
import type { ManifestTree, PromoterManifest } from "../../src/manifest/index.ts";
import { digestFor, type Images, manifestOf } from "../promotion/world.ts";

const treeOf = (...manifests: PromoterManifest[]): ManifestTree => ({
  path: "tree",
  manifests,
  diagnostics: [],
  unreadable: [],
});

const project = (images: Images, destinations = ["us.io/prod", "eu.io/prod"], source = "gcr.io/foo") =>
  treeOf(manifestOf("foo", source, destinations, images));

const base: Images = { app: { one: ["v1", "latest"], two: ["v2"] } };
const short = (nickname: string): string => digestFor(nickname).slice(0, "sha256:".length + 12);

describe("a comparison as text", () => {
  it("has a line for each change, mirrors together, what must not be missed first", () => {
    const after: Images = { app: { one: ["v1"], two: ["latest"], three: ["v3", "v3.0"] } };
    const compared = compareManifests(project(base), project(after));
    expect(comparisonAsText(compared).split("\n")).toEqual([
      `moved   eu.io/prod/app:latest and 1 more  ${short("one")} → ${short("two")} (images/foo/images.yaml:8:1)`,
      `removed eu.io/prod/app:v2 and 1 more  ${short("two")} (images/foo/images.yaml:9:1)`,
      `added   eu.io/prod/app:v3 and 1 more  ${short("three")} (images/foo/images.yaml:10:1)`,
      `added   eu.io/prod/app:v3.0 and 1 more  ${short("three")} (images/foo/images.yaml:11:1)`,
      "2 moved, 2 removed, 4 added, 2 unchanged",
    ]);
    expect(comparisonAsText(compared, { everything: true })).toContain("\n          us.io/prod/app\n");
  });

  it("names projects that came, went, and other registries", () => {
    const one = project(base);
    const other = project(base, ["us.io/prod", "asia.io/prod"], "gcr.io/bar");
    const text = comparisonAsText(compareManifests(one, other));
    expect(text).toContain("source  us.io/prod/app:v1  from gcr.io/bar/app, before from gcr.io/foo/app");
    expect(text).toContain("project foo is promoted from gcr.io/bar, no longer from gcr.io/foo (manifests/");
    expect(text).toContain("project foo is promoted to asia.io/prod as well (manifests/");
    expect(text).toContain("project foo is not promoted to eu.io/prod any more (manifests/");
    expect(comparisonAsText(compareManifests(treeOf(), one))).toContain(
      "project foo is new, promoted to us.io/prod and 1 more\n6 added, 0 unchanged",
    );
    expect(comparisonAsText(compareManifests(one, treeOf()))).toContain("project foo is gone, promoted to");
  });

  it("shows a hundred changes and counts the others", () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, at) => [`d${at}`, [`v${at}`]]));
    const compared = compareManifests(project({}), project({ app: many }));
    expect(comparisonAsText(compared)).toContain("\n… and 50 more changes; --verbose shows all\n");
    expect(comparisonAsText(compared, { everything: true })).not.toContain("more changes");
  });

  it("says what could not be read, which may be a difference", () => {
    const lost = { ...treeOf(), unreadable: ["foo\u001b[2J"] };
    const compared = compareManifests(treeOf(), lost);
    expect(differs(compared)).toBe(true);
    expect(comparisonAsText(compared)).toBe(
      "foo\\u{1b}[2J cannot be read now: nobody knows what it asks for\n0 unchanged",
    );
    expect(differs(compareManifests(project(base), project(base)))).toBe(false);
  });
});

describe("a comparison as Markdown", () => {
  it("is a table with whole digests", () => {
    const compared = compareManifests(
      project(base),
      project({ app: { one: ["v1"], two: ["v2", "latest"] } }),
    );
    expect(comparisonAsMarkdown(compared)).toBe(
      [
        "**2 moved, 4 unchanged** edges",
        "",
        "| change | image | tag | digest | asked for at |",
        "| --- | --- | --- | --- | --- |",
        `| **moved** | \`eu.io/prod/app\` and 1 more | \`latest\` | \`${digestFor("one")}\` → \`${digestFor("two")}\` | \`images/foo/images.yaml:9:1\` |`,
      ].join("\n"),
    );
  });

  it("fits into a comment, and says what does not", () => {
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`d${at}`, [`v${at}`]]));
    const compared = compareManifests(project({ app: { old: ["gone"] } }), project({ app: many }));
    const markdown = comparisonAsMarkdown(compared);
    expect(markdown.length).toBeLessThanOrEqual(60_000);
    expect(markdown).toContain("| **removed** | `eu.io/prod/app` and 1 more | `gone` |");
    expect(markdown).toMatch(/\n\n… and \d+ more changes, which do not fit here/);
  });

  it("keeps names from outside in code spans", () => {
    const name = "foo`|\n# @everybody <img src=x> [a](b)";
    const compared = compareManifests(treeOf(), { ...treeOf(), unreadable: [name] });
    expect(comparisonAsMarkdown(compared)).toContain(
      "- ``foo`\\u{7c}\\n# @everybody <img src=x> [a](b)`` cannot be read now",
    );
  });

  it("any text stays within its code span, on one line, and outside of other cells", () => {
    const text = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: fc.constantFrom("`", "|", "a", " ", "\n") }),
    );
    fc.assert(
      fc.property(text, (text) => {
        const span = codeSpan(text);
        expect(span).not.toMatch(/[\n\r|]/);
        // CommonMark: the span ends at the first run of backticks of the same length.
        const fence = /^`+/.exec(span)?.[0] ?? "";
        const rest = span.slice(fence.length);
        const runs = Array.from(rest.matchAll(/`+/g)).filter(([run]) => run === fence);
        expect(runs.map(({ index }) => index)).toEqual([rest.length - fence.length]);
      }),
    );
  });
});
