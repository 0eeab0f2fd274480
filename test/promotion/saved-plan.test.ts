import { describe, expect, it } from "vitest";
import { desiredRepositories, edgesHash, edgesOf } from "../../src/edges/index.ts";
import { parseRepository } from "../../src/oci/index.ts";
import { type Plan, sealPlan } from "../../src/promotion/plan.ts";
import { plannedImages } from "../../src/promotion/planned-images.ts";
import { formatPlan, readPlan, restrictPlan } from "../../src/promotion/saved-plan.ts";
import { type Reason, reasonTable, type Verdict } from "../../src/promotion/verdicts.ts";
import { digestFor, kinds, manifestOf, sectionOf } from "./world.ts";

const manifests = [manifestOf("p", "gcr.io/src", ["gcr.io/dst"], { a: { "000": ["v1"], "111": ["v2"] } })];

/** A plan in which nothing but these is listed of the two edges. */
function planOf(first: Verdict, second: Verdict, source = "gcr.io/src/a", folder = ""): Plan {
  const edges = edgesOf(manifests);
  const desired = desiredRepositories(edges);
  const repositories = desired.map(({ destination, images }) => ({
    destination,
    empty: false,
    images: images.flatMap(({ digest, tags }) => {
      const verdict = tags[0]?.tag === "v1" ? first : second;
      const reason = reasonFor(verdict);
      const planned = tags.map(({ tag, at }) => {
        return { tag, at: { ...at, file: `${folder}${at.file}` }, verdict, reason };
      });
      return verdict === "present"
        ? []
        : [{ digest, project: "p", source: parseRepository(source), edges: planned }];
    }),
  }));
  const present = [first, second].filter((verdict) => verdict === "present").length;
  return sealPlan(kinds, [sectionOf(repositories, present)], edgesHash(edges));
}

function reasonFor(verdict: Verdict): Reason {
  return reasonTable.find((row) => row.verdict === verdict)?.reason ?? expect.fail("no reason");
}

/** Verdicts of what is listed, by tag. */
const verdictsOf = (plan: Plan) =>
  Object.fromEntries(
    plannedImages(plan).flatMap(({ images }) =>
      images.flatMap(({ edges }) => edges.map(({ tag, verdict }) => [tag, verdict])),
    ),
  );

const textOf = (plan: Plan): string => [...formatPlan(plan)].join("");

/** The bytes of a text, so many at a time. */
function* inPieces(text: string, size: number): Generator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("a saved plan", () => {
  it.each([1, 2, 7, 1 << 20])("comes back as it was written, read by %i bytes", async (size) => {
    const plan = planOf("copy", "conflict", "gcr.io/src/a", ' {"items":[é\\"😀');
    expect(await readPlan(inPieces(textOf(plan), size), "plan.json")).toEqual(plan);
  });

  it("comes back whatever its layout, and with what others have added", async () => {
    const plan = planOf("copy", "copy");
    const { sections, ...head } = JSON.parse(textOf(plan));
    const causes = [{ sections: [{ items: [[1], { a: "]" }] }] }];
    for (const space of [0, 1, "\t"]) {
      const text = JSON.stringify({ causes, ...head, sections, more: [{ items: [1] }] }, undefined, space);
      expect(await readPlan([text], "plan.json")).toEqual(plan);
    }
  });

  it("lists only what is not as asked, each item in a line of its own", () => {
    expect(planOf("present", "present").sections).toEqual([{ kind: "images", present: 2, items: [] }]);
    const lines = textOf(planOf("copy", "copy")).split("\n");
    expect(lines.filter((line) => line.includes('"verdict":"copy"'))).toHaveLength(1);
    expect(planOf("copy", "present").reasons).toEqual({ "digest-absent": 1 });
  });

  it.each([
    ['"verdict":"conflict"', '"verdict":"copy"'],
    ['"present": 1,\n      "items"', '"present": 2,\n      "items"'],
    ['"gcr.io/dst/a"', '"gcr.io/dst/b"'],
    [`"edgesHash": "sha256:`, `"edgesHash": "sha256:0`],
  ])("is refused when somebody has edited it: %s", async (old, edited) => {
    const text = textOf(planOf("conflict", "present"));
    expect(text).toContain(old);
    const changed = text.replace(old, edited).replace(/(sha256:0[0-9a-f]{63})[0-9a-f]"/, '$1"');
    await expect(readPlan([changed], "plan.json")).rejects.toMatchObject({ code: "plan-altered" });
  });

  it.each([
    "",
    "{}",
    "[]",
    '{"format":"waybill-plan/2"}',
    '{"format":"waybill-plan/2","sections":[{"items":[{}],"kind":"images"}]}',
    '{"format":"waybill-plan/2","sections":[{"kind":"trains","items":[{}]}]}',
    '{"format":"waybill-plan/2","sections":[{"kind":"images","items":[{}]}]}',
    '{"format":"waybill-plan/2","sections":[{"kind":"images","items":[{},]}]}',
    '{"format":"\\x"}',
  ])("is refused when it is %j", async (text) => {
    await expect(readPlan([text], "plan.json")).rejects.toMatchObject({ code: "plan-unreadable" });
  });

  it.each([
    ["sections.0.items stand twice", /"items": \[/, '"items": [], "items": ['],
    ["its sections stand twice", /\}\n$/, ', "sections": []}'],
  ])("is refused when others would read something else in it: %s", async (why, old, edited) => {
    const text = textOf(planOf("copy", "copy")).replace(old, edited);
    expect(JSON.parse(text).format).toBe("waybill-plan/2");
    await expect(readPlan([text], "plan.json")).rejects.toMatchObject({
      code: "plan-unreadable",
      message: `not a saved plan: ${why}`,
    });
  });

  it("is refused when it is cut off, wherever", async () => {
    const text = textOf(planOf("copy", "conflict")).trimEnd();
    for (let length = 0; length < text.length; length += 13) {
      await expect(readPlan([text.slice(0, length)], "plan.json")).rejects.toMatchObject({
        code: "plan-unreadable",
      });
    }
  });

  it("is refused at once when it is of an older format, or one part of it never ends", async () => {
    function* old(): Generator<string> {
      yield '{\n  "format": "waybill-plan/1",\n  "repositories": [';
      throw new Error("nobody reads on");
    }
    await expect(readPlan(old(), "plan.json")).rejects.toMatchObject({
      code: "plan-unreadable",
      message: 'not a saved plan: format: it is "waybill-plan/1", and only waybill-plan/2 is read',
    });
    const endless = {
      *[Symbol.iterator]() {
        for (;;) yield " ".repeat(1 << 20);
      },
    };
    await expect(readPlan(endless, "plan.json")).rejects.toMatchObject({
      code: "plan-unreadable",
      message: expect.stringContaining("more than 67108864 bytes"),
    });
  });

  it("is refused when the manifests ask for something else by now", () => {
    const saved = { ...planOf("copy", "copy"), edgesHash: digestFor("other") };
    expect(() => restrictPlan(planOf("copy", "copy"), saved, "plan.json")).toThrow(
      expect.objectContaining({ code: "plan-outdated" }),
    );
  });

  it("withholds what it does not hold, and does the rest", () => {
    const restricted = restrictPlan(planOf("copy", "copy"), planOf("copy", "present"), "f");
    expect(verdictsOf(restricted)).toEqual({ v1: "copy", v2: "withheld" });
    expect(restricted).toMatchObject({
      summary: { copy: 1, withheld: 1, present: 0 },
      reasons: { "digest-absent": 1, "not-in-saved-plan": 1 },
    });
    const tagged = restrictPlan(planOf("tag", "present"), planOf("copy", "copy"), "f");
    expect([verdictsOf(tagged), tagged.summary.present]).toEqual([{ v1: "tag" }, 1]);
    expect(verdictsOf(restrictPlan(planOf("conflict", "copy"), planOf("copy", "copy"), "f"))).toEqual({
      v1: "conflict",
      v2: "copy",
    });
  });

  it("is the current one when there is nothing to withhold", () => {
    const current = planOf("present", "copy");
    expect(restrictPlan(current, planOf("copy", "copy"), "f")).toEqual(current);
  });

  it("says what it is limited to, and is refused for a plan that is limited otherwise", async () => {
    const since = { commit: "a".repeat(40), unchanged: 3, removed: 1, unreadable: ["p"] };
    const plan = planOf("copy", "present");
    const limited = {
      ...sealPlan(kinds, plan.sections, plan.edgesHash, { since }),
      createdAt: plan.createdAt,
    };
    expect(limited.hash).toBe(plan.hash);
    expect(await readPlan(formatPlan(limited), "plan.json")).toEqual(limited);
    expect(verdictsOf(restrictPlan(plan, limited, "f"))).toEqual({ v1: "copy" });
    const others = { ...plan, edgesHash: digestFor("all edges") };
    for (const [current, saved, hint] of [
      [others, limited, `say --base ${since.commit}, as when it was made`],
      [limited, others, "leave out --base and --changed, as when it was made"],
    ] as const) {
      expect(() => restrictPlan(current, saved, "f")).toThrow(
        expect.objectContaining({ code: "plan-outdated", hint }),
      );
    }
  });

  it("puts a tag on what has been copied since, whichever source is named for it now", () => {
    const saved = planOf("copy", "copy", "gcr.io/second/a");
    expect(verdictsOf(restrictPlan(planOf("tag", "copy", "gcr.io/first/a"), saved, "f"))).toEqual({
      v1: "tag",
      v2: "withheld",
    });
  });

  it("keeps its hash when lines move, and changes it when a verdict does", () => {
    const plan = planOf("copy", "copy");
    expect(planOf("copy", "copy", "gcr.io/src/a", "0").hash).toBe(plan.hash);
    expect(planOf("copy", "tag").hash).not.toBe(plan.hash);
    expect(planOf("copy", "present").hash).not.toBe(plan.hash);
  });

  it("has the hash that it has without putting mirrors together", () => {
    const plan = planOf("copy", "conflict");
    const [found] = plannedImages(plan);
    if (found === undefined) expect.fail("nothing is planned");
    const { destination: _, ...same } = found;
    const names = ["gcr.io/x/a", "gcr.io/b/a", "gcr.io/dst/a"].map(parseRepository);
    const together = sectionOf(names.map((destination) => ({ destination, ...same })));
    expect(together.items).toHaveLength(1);
    const apart = { ...together, items: names.map((name) => ({ destinations: [name], ...same })) };
    expect(sealPlan(kinds, [apart], plan.edgesHash).hash).toBe(
      sealPlan(kinds, [together], plan.edgesHash).hash,
    );
  });
});

it("says once what is the same at mirrors, claims and places too", () => {
  const images = () =>
    plannedImages(planOf("overlap", "present")).flatMap((repository) =>
      repository.images.map((image) => ({
        ...image,
        edges: image.edges.map((edge) => ({
          ...edge,
          claims: [{ digest: digestFor("other"), at: edge.at }],
        })),
      })),
    );
  const names = ["gcr.io/x/a", "gcr.io/y/a"].map(parseRepository);
  const { items } = sectionOf(names.map((destination) => ({ destination, empty: false, images: images() })));
  expect(items).toMatchObject([{ destinations: names }]);
});

describe("the hash of the edges", () => {
  it("depends on source, destination, digest and tag alone", () => {
    const hash = (...list: Parameters<typeof manifestOf>) => edgesHash(edgesOf([manifestOf(...list)]));
    const base = hash("p", "gcr.io/src", ["gcr.io/dst"], { a: { "000": ["v1"] } });
    expect(hash("renamed", "gcr.io/src", ["gcr.io/dst"], { a: { "000": ["v1"] } })).toBe(base);
    expect(hash("p", "gcr.io/src2", ["gcr.io/dst"], { a: { "000": ["v1"] } })).not.toBe(base);
    expect(hash("p", "gcr.io/src", ["gcr.io/dst2"], { a: { "000": ["v1"] } })).not.toBe(base);
    expect(hash("p", "gcr.io/src", ["gcr.io/dst"], { a: { "001": ["v1"] } })).not.toBe(base);
    expect(hash("p", "gcr.io/src", ["gcr.io/dst"], { a: { "000": ["v2"] } })).not.toBe(base);
    expect(hash("p", "gcr.io/src", ["gcr.io/dst"], { a: { "000": [] } })).not.toBe(base);
  });
});
