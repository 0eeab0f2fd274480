import { afterAll, beforeAll, expect } from "vitest";
import { parseSelection, type SelectionPatterns } from "../../src/edges/index.ts";
import { formatReviewMarkdown } from "../../src/review/index.ts";
import { testWith } from "../support/programs.ts";
import type { Project } from "../support/tree.ts";
import { digest, openReviewWorld, type ReviewWorld } from "./world.ts";

const test = testWith("git");

let world: ReviewWorld;
beforeAll(async () => {
  world = await openReviewWorld(["one", "two"]);
});
afterAll(() => world.close());

const project = (name: string, to: string, images: Project["images"]): Project => ({
  name,
  source: `${world.staging.host}/foo`,
  destinations: [to],
  images,
});

async function reviewed(asked: Partial<SelectionPatterns>) {
  const production = world.fresh();
  const [one, two] = [digest(world.images.one), digest(world.images.two)];
  const before = [
    project("a", `${production}/a`, { app: { [one]: ["v1", "v0"] } }),
    project("b", `${production}/b`, { app: { [one]: ["v1"] } }),
    project("c", `${production}/c`, { app: { [one]: ["v1"] } }),
  ];
  const after = [
    project("a", `${production}/a`, { app: { [one]: ["v1"], [two]: ["v2"] } }),
    // It moves a tag: that fails, whoever looks.
    project("b", `${production}/b`, { app: { [two]: ["v1"] } }),
    project("c", `${production}/c`, { app: { [one]: ["v1"] } }),
  ];
  const selection = await parseSelection(asked);
  const seen = world.production.seen.length;
  const review = await world.change(before, after, { selection });
  const paths = world.production.seen.slice(seen).map(({ url }) => url);
  return { review, asked: (name: string) => paths.some((path) => path.includes(`/${name}/app/`)) };
}

test("a review of what is selected says and asks nothing of the rest", async () => {
  const { review, asked } = await reviewed({ projects: ["a"], tags: ["v2"] });
  expect(review.verdict).toBe("passes");
  expect(review.edges).toEqual({ added: 1, removed: 0, moved: 0, "source-changed": 0, unchanged: 0 });
  expect(review.projects.map(({ project: name, lines }) => [name, lines.length])).toEqual([["a", 1]]);
  expect(review.selection).toEqual({ projects: ["a"], images: [], tags: ["v2"], to: [], others: 2 });
  expect(review.plan?.selection).toEqual({ projects: ["a"], images: [], tags: ["v2"], to: [], others: 2 });
  expect([asked("a"), asked("b"), asked("c")]).toEqual([true, false, false]);
  const page = formatReviewMarkdown(review);
  expect(page).toContain("Limited to `--project a --tag v2`: 2 other edges not looked at.");
  expect(page).toMatch(/waybill review .* --project a --tag v2`/);
  const none = await reviewed({ projects: ["a"], tags: ["v1"] });
  expect(formatReviewMarkdown(none.review)).toContain(
    "of what is selected, nothing else is asked for than before",
  );
});

test("what it says of the selected is what it says among all", async () => {
  const whole = await reviewed({});
  const removed = await reviewed({ projects: ["a"], tags: ["v0"] });
  const added = await reviewed({ projects: ["a"], tags: ["v2"] });
  const moved = await reviewed({ projects: ["b"] });
  const codes = ({ review }: typeof whole) => review.findings.map(({ code }) => code).sort();
  expect(codes(whole)).toEqual([...codes(removed), ...codes(added), ...codes(moved)].sort());
  expect(codes(removed)).toEqual(["removed"]);
  expect(removed.review.edges).toMatchObject({ removed: 1, added: 0, moved: 0 });
  expect(moved.review.edges).toMatchObject({ moved: 1, added: 0, removed: 0 });
});

test("of a project that has not changed there is nothing to say, and of none something is wrong", async () => {
  const { review } = await reviewed({ projects: ["c"] });
  expect(review).toMatchObject({ verdict: "passes", findings: [], projects: [] });
  await expect(reviewed({ projects: ["d*"] })).rejects.toMatchObject({ code: "nothing-selected" });
});

test("of a tag or image that neither state has, it is said that there is no such one", async () => {
  const message = (text: string) => ({ code: "nothing-selected", message: `${text} selects nothing` });
  await expect(reviewed({ tags: ["v9"] })).rejects.toMatchObject(message("--tag v9"));
  await expect(reviewed({ tags: ["v2", "v9"] })).rejects.toMatchObject(message("--tag v9"));
  await expect(reviewed({ images: ["ap"] })).rejects.toMatchObject(message("--image ap"));
  // What is gone was there, and what nobody has changed still is: its list of images is read to find that out.
  expect((await reviewed({ tags: ["v0"] })).review.findings.map(({ code }) => code)).toEqual(["removed"]);
  const { review } = await reviewed({ projects: ["c"], tags: ["v1"] });
  expect(review).toMatchObject({ verdict: "passes", projects: [], passedOver: ["c"] });
});

test("an error that the change brings outside of what is selected is not said to be from before", async () => {
  const production = world.fresh();
  const good = { app: { [digest(world.images.one)]: ["v1"] } };
  const a = project("a", `${production}/a`, good);
  const b = project("b", `${production}/b`, { app: { ...good.app, "sha256:123": ["v2"] } });
  const before = [
    { ...a, images: {} },
    { ...b, images: good },
  ];
  const selection = await parseSelection({ projects: ["a"] });
  const review = await world.change(before, [a, b], { selection });
  expect(review).toMatchObject({ verdict: "passes", outside: { errors: 1, warnings: 0 } });
  expect(formatReviewMarkdown(review)).toContain(
    "1 error from before in files that it does not touch, or outside of what is selected: waybill check shows them.",
  );
});
