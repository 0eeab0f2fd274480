import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { readManifestTree } from "../../src/manifest/index.ts";
import type { Digest } from "../../src/oci/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { imageSection } from "../../src/promotion/images.ts";
import { formatJUnit } from "../../src/promotion/junit.ts";
import { sectionKinds } from "../../src/promotion/kinds.ts";
import { createSeal, type Decision, type Plan } from "../../src/promotion/plan.ts";
import { promote } from "../../src/promotion/promote.ts";
import { causesOf, edgeName } from "../../src/promotion/report.ts";
import { formatPlan, readPlan } from "../../src/promotion/saved-plan.ts";
import type { EdgeDetails, SectionEdge, SectionKind } from "../../src/promotion/section.ts";
import { isWork, reasonTable, type Verdict, verdictTable } from "../../src/promotion/verdicts.ts";
import { judgeOthers } from "../../src/review/judge/plan.ts";
import { writeTree } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";
import { digestFor } from "./world.ts";

/** One page that is to stand in a folder: nothing about it is as it is about images. */
interface Page {
  readonly folder: string;
  readonly path: string;
  readonly decision: Decision;
}

interface PageEdge extends SectionEdge {
  readonly page: Page;
}

interface PageDetails extends EdgeDetails {
  readonly path: string;
}

const page = z.object({
  folder: z.string(),
  path: z.string(),
  decision: z.object({
    verdict: z.enum(verdictTable.map(({ verdict }) => verdict)),
    reason: z.enum(reasonTable.map(({ reason }) => reason)),
    at: z.object({ file: z.string(), line: z.int(), column: z.int() }),
  }),
});

/** Pages by path, as somebody finds them, and those that have been brought. */
function pageSection(found: Readonly<Record<string, Verdict>>, brought: string[]) {
  const kind: SectionKind<Page, PageEdge, PageDetails> = {
    kind: "pages",
    schema: page,
    async plan({ listener }) {
      listener?.({ type: "progress", done: 1, total: 1 });
      const paths = Object.entries(found);
      const items = paths.flatMap(([path, verdict], line): Page[] => {
        const reason = reasonTable.find((row) => row.verdict === verdict)?.reason ?? "digest-absent";
        const decision = { verdict, reason, at: { file: "pages.txt", line: line + 1, column: 1 } };
        return verdict === "present" ? [] : [{ folder: "www", path, decision }];
      });
      return { kind: "pages", present: paths.length - items.length, items };
    },
    async apply(items, { tell }) {
      return [...this.edges(items)].flatMap((of) => {
        if (!isWork(of.edge.verdict)) return [];
        brought.push(of.page.path);
        const failure = { code: "denied", message: "nobody may write there" };
        const outcome = { kind: "pages", of, ...(of.page.path === "locked" ? { failure } : {}) };
        tell(outcome);
        return [outcome];
      });
    },
    edges: (items) => items.map((page) => ({ destination: page.folder, edge: page.decision, page })),
    identity: ({ folder, path, decision }) => ({
      destinations: [`${folder}/${path}`],
      text: `${decision.verdict} ${decision.reason}`,
      decisions: [decision],
    }),
    withhold: (items, saved) =>
      items.map((item): Page => {
        const isHeld = saved.some(({ path, decision }) => path === item.path && isWork(decision.verdict));
        if (!isWork(item.decision.verdict) || isHeld) return item;
        const { at } = item.decision;
        return { ...item, decision: { verdict: "withheld", reason: "not-in-saved-plan", at } };
      }),
    details: ({ page: { folder, path } }) => ({
      destination: folder,
      path,
      digest: digestFor(path),
      project: "site",
    }),
    explain: ({ edge, page: { path } }) =>
      edge.verdict === "conflict" ? `another ${path} is there` : undefined,
    name: ({ destination, path }) => `${destination}/${path}`,
    host: () => undefined,
    cause: ({ state }) => (state === "conflict" ? { message: "another page is there" } : undefined),
  };
  return kind;
}

describe("a section of another kind beside images", () => {
  let world: PromotionWorld;
  let digest: Digest;

  beforeAll(async () => {
    world = await openWorld();
    const image = await buildImage("app", "pages");
    digest = image.root.descriptor.digest;
    const staged = parseRepository(`${world.staging.host}/foo/app`);
    await pushImage(image, world.registries.repository(staged), [parseTag("v1")]);
    await writeTree(`${world.folder}/tree`, [
      {
        name: "foo",
        source: `${world.staging.host}/foo`,
        destinations: [`${world.production.host}/eu`, `${world.production.host}/us`],
        images: { app: { [digest]: ["v1"] } },
      },
    ]);
  });
  afterAll(() => world.close());

  const run = async (
    found: Readonly<Record<string, Verdict>>,
    options: { readonly confirm?: boolean; readonly strict?: boolean; readonly saved?: Plan } = {},
  ) => {
    const brought: string[] = [];
    const kinds = sectionKinds(imageSection, pageSection(found, brought));
    const tree = await readManifestTree(`${world.folder}/tree`);
    const { confirm = false, strict = false, saved } = options;
    const told: string[] = [];
    const promotion = await promote(
      {
        listener: (event) => {
          if (event.type === "edge-done" || event.type === "edge-failed") told.push(edgeName(event, kinds));
        },
        tree,
        open: world.registries.repository,
        confirm,
        strict,
        ...(saved === undefined ? {} : { saved: { plan: saved, where: "plan.json" } }),
      },
      kinds,
    );
    return { ...promotion, brought, told, kinds };
  };

  it("is planned, saved and read with what it alone knows, and its verdicts count", async () => {
    const { plan, kinds } = await run({ a: "copy", b: "present", c: "conflict" });
    expect(plan.sections.map(({ kind, present, items }) => [kind, present, items.length])).toEqual([
      ["images", 0, 1],
      ["pages", 1, 2],
    ]);
    expect(plan.summary).toMatchObject({ copy: 3, present: 1, conflict: 1 });
    expect(plan.reasons).toEqual({ "digest-absent": 3, "tag-at-other-digest": 1 });
    expect(await readPlan(formatPlan(plan), "plan.json", kinds)).toEqual(plan);
    const imagesAlone = sectionKinds(imageSection);
    await expect(readPlan(formatPlan(plan), "plan.json", imagesAlone)).rejects.toMatchObject({
      code: "plan-unreadable",
      message: 'not a saved plan: sections.1.kind: "pages" is nothing that is promoted',
    });
    const edited = [...formatPlan(plan)].join("").replace('"path":"a"', '"path":"z"');
    await expect(readPlan([edited], "plan.json", kinds)).rejects.toMatchObject({ code: "plan-altered" });
  });

  it("counts in the hash as it is, whichever section is known first", () => {
    const seals = [createSeal(sectionKinds(imageSection)), createSeal(sectionKinds(imageSection))];
    const [one, other] = seals;
    one?.count("images", 1);
    one?.count("pages", 2);
    other?.count("pages", 2);
    other?.count("images", 1);
    expect(one?.close(digest)).toEqual(other?.close(digest));
  });

  it("is held back by the gate, and by a saved plan", async () => {
    const strict = await run({ a: "copy", c: "conflict" }, { confirm: true, strict: true });
    expect(strict).toMatchObject({ brought: [], report: { stopped: true, counts: { pending: 3, done: 0 } } });
    const { plan } = await run({ a: "copy", b: "present" });
    const held = await run({ a: "copy", b: "copy" }, { saved: plan });
    expect(held.report.counts).toMatchObject({ pending: 3, withheld: 1 });
    expect(held.report.problems).toMatchObject([{ kind: "pages", path: "b", state: "withheld" }]);
  });

  it("is reported as images are: what was done, what failed, and why", async () => {
    const { report, brought, told, kinds } = await run(
      { a: "copy", locked: "copy", c: "conflict", d: "unread", ok: "present" },
      { confirm: true },
    );
    expect(brought).toEqual(["a", "locked"]);
    expect(told.filter((name) => name.startsWith("www/"))).toEqual(["www/a", "www/locked"]);
    expect(report.counts).toMatchObject({ done: 3, failed: 1, conflict: 1, unread: 1, present: 1 });
    expect(report.problems).toMatchObject([
      { kind: "pages", path: "locked", state: "failed", why: "nobody may write there" },
      { kind: "pages", path: "c", state: "conflict", why: "another c is there" },
      { kind: "pages", path: "d", state: "unread" },
    ]);
    expect(
      causesOf(report.problems, false, kinds).map(({ message, places }) => [message, places[0]?.what]),
    ).toEqual([
      ["nobody may write there", "www/locked"],
      ["another page is there", "www/c"],
      [expect.stringContaining("could not be read"), "www/d"],
    ]);
    expect(formatJUnit(report, kinds)).toContain(
      '<testcase name="www/c" classname="www" file="pages.txt" line="3"><failure type="conflict"',
    );
    expect(judgeOthers(report.problems)).toMatchObject([
      { severity: "fails", code: "blocked", message: "www: nobody may write there" },
      { severity: "fails", code: "conflict", message: "www: another c is there", file: "pages.txt" },
      { severity: "fails", code: "unread", at: { line: 4, column: 1 } },
    ]);
    expect(report.asDesired).toBe(false);
  });
});
