import { afterAll, beforeAll, describe, expect, test as plainTest } from "vitest";
import { formatReviewMarkdown, type Review, reviewToSarif, withOwners } from "../../src/review/index.ts";
import { page, sectionOf } from "../../src/review/markdown-page.ts";
import { testWith } from "../support/programs.ts";
import type { Project } from "../support/tree.ts";
import { digest, openReviewWorld, type ReviewWorld } from "./world.ts";

const test = testWith("git");

let world: ReviewWorld;
let one: string;
let two: string;
let good: Review;

const lost = `sha256:${"e".repeat(64)}`;

const project = (images: Project["images"]): Project => ({
  name: "foo",
  source: `${world.staging.host}/foo`,
  destinations: ["eu", "us"].map((name) => `${world.production.host}/${name}`),
  images,
});
const owners = () => ({ approvers: ["ann", "bob"], reviewers: ["cat"] });
const reviewOf = async (before: Project["images"], after: Project["images"]): Promise<Review> =>
  withOwners(await world.change([project(before)], [project(after)]), owners);

beforeAll(async () => {
  world = await openReviewWorld(["v1.0.0", "v1.1.0"]);
  one = digest(world.images["v1.0.0"]);
  two = digest(world.images["v1.1.0"]);
  good = await reviewOf({ app: { [one]: ["v1.0.0"] } }, { app: { [one]: ["v1.0.0"], [two]: ["v1.1.0"] } });
});

afterAll(() => world.close());

/** What differs from run to run, and from one Node to the next, which compress otherwise. */
function settled(text: string): string {
  const names: Readonly<Record<string, string>> = {
    [world.staging.host]: "staging.example",
    [world.production.host]: "production.example",
    [world.folder]: "/home",
    [one]: `sha256:${"1".repeat(64)}`,
    [two]: `sha256:${"2".repeat(64)}`,
  };
  return Object.entries(names)
    .reduce((all, [name, standIn]) => all.replaceAll(name, standIn), text)
    .replace(
      /plan=sha256:[0-9a-f]{64} edges=sha256:[0-9a-f]{64} commit=[0-9a-f]{40}/,
      "plan=P edges=E commit=C",
    )
    .replace(/\b[0-9a-f]{40}\b/g, "C")
    .replace(/repository-\d+/g, "repository")
    .replace(/\d+\.\d kB/g, "1.2 kB")
    .replace(/\b\d{3} B/g, "123 B");
}

describe("the comment", () => {
  test("of a good change", async () => {
    await expect(settled(formatReviewMarkdown(good))).toMatchFileSnapshot("good.golden.md");
  });

  test("of a lost image", async () => {
    const review = await reviewOf(
      { app: { [one]: ["v1.0.0"] } },
      { app: { [one]: ["v1.0.0"], [lost]: ["v1.1.0"] } },
    );
    await expect(settled(formatReviewMarkdown(review))).toMatchFileSnapshot("lost.golden.md");
  });

  test("of a tag that moves", async () => {
    const review = await reviewOf({ app: { [one]: ["v1.0.0"] } }, { app: { [two]: ["v1.0.0"] } });
    await expect(settled(formatReviewMarkdown(review))).toMatchFileSnapshot("tag-moved.golden.md");
  });

  test("of an image that says what built it", async () => {
    const commit = "9afb85e".padEnd(40, "0");
    const told = (source: string): Review => ({
      ...good,
      projects: good.projects.map((project) => ({
        ...project,
        lines: project.lines.map((line) =>
          line.facts === undefined || "failure" in line.facts
            ? line
            : {
                ...line,
                facts: {
                  ...line.facts,
                  provenance: { source, commit, run: "push-app/7", builder: "pkg:generic/waybill" },
                },
              },
        ),
      })),
    });
    const known = told(`git+https://github.com/cncf/apisnoop@${commit}`);
    await expect(settled(formatReviewMarkdown(known))).toMatchFileSnapshot("built.golden.md");
    const other = formatReviewMarkdown(told("git+https://example.com/cncf/apisnoop"));
    expect(other).toContain("built from `9afb85e00000` of `https://example.com/cncf/apisnoop` by run");
    const hostile = formatReviewMarkdown(told("https://github.com/a/b)[x](https://example.com/y"));
    expect(hostile).toContain(
      'built from `9afb85e00000` of `"https://github.com/a/b)[x](https://example.com/y"` by',
    );
  });

  test("names files from the top of the repository, and leaves what is said as it is", () => {
    const message = 'the street is in "app/x" and app:1, /app/x and myapp/x stay, app stays';
    const finding = { severity: "fails", code: "lost", message, file: "app/images.yaml" } as const;
    const markdown = formatReviewMarkdown({ ...good, path: "app", prefix: "$&/app", findings: [finding] });
    expect(markdown).toContain(
      'at `$&/app/images.yaml`: the street is in `"app/x"` and `app:1`, `/app/x` and `myapp/x` stay, app stays\n',
    );
    const top = formatReviewMarkdown({
      ...good,
      path: "/home/x",
      prefix: "",
      findings: [{ ...finding, file: "/home/x" }],
    });
    expect(top).toContain("at `.`: ");
    expect(top).toContain("`waybill review . --base");
    const here = formatReviewMarkdown({ ...good, path: ".", prefix: "infra", findings: [finding] });
    expect(here).toContain("at `infra/app/images.yaml`: ");
    expect(here).toContain("`waybill review infra --base");
  });

  test("is cut by whole rows, and says how many were left out", () => {
    const [first] = good.projects;
    const [line] = first?.lines ?? [];
    if (first === undefined || line === undefined) throw new Error("there is no line");
    const lines = Array.from({ length: 2000 }, (_, at) => ({ ...line, image: `app-${at}` }));
    const finding = { severity: "fails", code: "lost", message: "it is lost", file: "x" } as const;
    const review: Review = {
      ...good,
      findings: Array.from({ length: 100 }, () => finding),
      projects: Array.from({ length: 500 }, (_, at) => ({ ...first, project: `p${at}`, lines })),
    };
    const markdown = formatReviewMarkdown(review);
    expect(markdown.length).toBeLessThanOrEqual(60_000);
    expect(markdown.length).toBeGreaterThan(50_000);
    expect(markdown.match(/\*\*lost\*\*/g)).toHaveLength(100);
    expect(markdown).toMatch(/\n\d+ more lines left out\n/);
    expect(markdown).toMatch(/\n\d+ more parts left out\n/);
    expect(markdown).toMatch(
      /\nSee it yourself .*: `waybill review .* --base [0-9a-f]{40} --head [0-9a-f]{40}`\n$/,
    );
    for (const row of markdown.split("\n").filter((text) => text.startsWith("| ")))
      expect(row).toMatch(/ \|$/);
  });
});

describe("a page", () => {
  plainTest("has no more characters than it may, whatever its sections", () => {
    for (const length of [10, 100, 1000, 5000]) {
      for (const rows of [0, 1, 7, 300]) {
        const items = Array(rows).fill(`${"x".repeat(length)}\n`);
        const section = sectionOf(items, String, { head: "head\n", foot: "foot\n", noun: "row" });
        const text = page("first\n", Array(9).fill(section), "last\n", 3000);
        expect(text.length).toBeLessThanOrEqual(3000);
        expect(text.endsWith("last\n")).toBe(true);
      }
    }
  });
});

describe("the annotations", () => {
  test("are at the lines that are there, and at the file of those that are not", async () => {
    const review = await reviewOf(
      { app: { [one]: ["v1.0.0"], [two]: ["v0.9.0"] } },
      { app: { [one]: ["v1.0.0"], [lost]: ["v1.1.0"] } },
    );
    const root = world.repository().path;
    const { runs } = reviewToSarif(review, root);
    const results = runs[0]?.results.map(({ ruleId, level, locations }) => ({
      ruleId,
      level,
      ...locations[0]?.physicalLocation,
    }));
    const artifactLocation = { uri: "tree/images/foo/images.yaml", uriBaseId: "%SRCROOT%" };
    expect(results).toHaveLength(2);
    expect(results).toEqual(
      expect.arrayContaining([
        { ruleId: "lost", level: "error", artifactLocation, region: { startLine: 4, startColumn: 81 } },
        { ruleId: "removed", level: "error", artifactLocation },
      ]),
    );
    for (const { ruleId, ruleIndex } of runs[0]?.results ?? []) {
      expect(runs[0]?.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
    }
  });
});
