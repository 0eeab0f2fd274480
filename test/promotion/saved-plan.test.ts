import { describe, expect, it } from "vitest";
import { desiredRepositories, edgesHash, edgesOf } from "../../src/edges/index.ts";
import { parseRepository } from "../../src/oci/index.ts";
import type { Plan, Verdict } from "../../src/promotion/plan.ts";
import { sealPlan } from "../../src/promotion/planning.ts";
import { formatPlan, parsePlan, restrictPlan } from "../../src/promotion/saved-plan.ts";
import { digestFor, manifestOf } from "./world.ts";

const manifests = [manifestOf("p", "gcr.io/src", ["gcr.io/dst"], { a: { "000": ["v1"], "111": ["v2"] } })];

function planOf(first: Verdict, second: Verdict): Plan {
  const verdicts = [first, second];
  return sealPlan(
    desiredRepositories(edgesOf(manifests)).map(({ destination, images }) => ({
      destination,
      empty: false,
      images: images.map(({ digest, sources, tags }, index) => ({
        digest,
        project: "p",
        source: sources[0]?.repository ?? parseRepository("gcr.io/none/none"),
        at: sources[0]?.at ?? "",
        edges: tags.map(({ tag, at }) => ({
          tag,
          at,
          verdict: verdicts[index] ?? "present",
          reason: "digest-absent" as const,
        })),
      })),
    })),
    edgesHash(edgesOf(manifests)),
  );
}

const verdictsOf = (plan: Plan) =>
  plan.repositories.flatMap(({ images }) =>
    images.flatMap(({ edges }) => edges.map(({ verdict }) => verdict)),
  );

describe("a saved plan", () => {
  it("comes back as it was written", () => {
    const plan = planOf("copy", "present");
    expect(parsePlan(formatPlan(plan), "plan.json")).toEqual(plan);
  });

  it("is refused when somebody has edited it", () => {
    const text = formatPlan(planOf("conflict", "present")).replace(
      '"verdict":"conflict"',
      '"verdict":"copy"',
    );
    expect(() => parsePlan(text, "plan.json")).toThrow(expect.objectContaining({ code: "plan-altered" }));
  });

  it.each(["", "{}", "[]", '{"format":"waybill-plan/2"}'])("is refused when it is %j", (text) => {
    expect(() => parsePlan(text, "plan.json")).toThrow(expect.objectContaining({ code: "plan-unreadable" }));
  });

  it("is refused when the manifests ask for something else by now", () => {
    const saved = { ...planOf("copy", "copy"), edgesHash: digestFor("other") };
    expect(() => restrictPlan(planOf("copy", "copy"), saved, "plan.json")).toThrow(
      expect.objectContaining({ code: "plan-outdated" }),
    );
  });

  it("withholds what it does not hold, and does the rest", () => {
    expect(verdictsOf(restrictPlan(planOf("copy", "copy"), planOf("copy", "present"), "f"))).toEqual([
      "copy",
      "withheld",
    ]);
    expect(verdictsOf(restrictPlan(planOf("tag", "present"), planOf("copy", "copy"), "f"))).toEqual([
      "tag",
      "present",
    ]);
    expect(verdictsOf(restrictPlan(planOf("conflict", "copy"), planOf("copy", "copy"), "f"))).toEqual([
      "conflict",
      "copy",
    ]);
  });

  it("copies nothing of a plan in which there is nothing to withhold", () => {
    const current = planOf("present", "copy");
    expect(restrictPlan(current, planOf("copy", "copy"), "f").repositories).toEqual(current.repositories);
    expect(restrictPlan(current, planOf("copy", "copy"), "f").repositories[0]).toBe(current.repositories[0]);
  });

  it("says what it is limited to, and is refused for a plan that is limited otherwise", () => {
    const since = { commit: "a".repeat(40), unchanged: 3, removed: 1, unreadable: ["p"] };
    const plan = planOf("copy", "present");
    const limited = { ...sealPlan(plan.repositories, plan.edgesHash, since), createdAt: plan.createdAt };
    expect(limited.hash).toBe(plan.hash);
    expect(parsePlan(formatPlan(limited), "plan.json")).toEqual(limited);
    expect(verdictsOf(restrictPlan(plan, limited, "f"))).toEqual(["copy", "present"]);
    const others = { ...plan, edgesHash: digestFor("all edges") };
    for (const [current, saved, hint] of [
      [others, limited, `say --since ${since.commit}, as when it was made`],
      [limited, others, "leave out --since and --changed, as when it was made"],
    ] as const) {
      expect(() => restrictPlan(current, saved, "f")).toThrow(
        expect.objectContaining({ code: "plan-outdated", hint }),
      );
    }
  });

  it("puts a tag on what has been copied since, whichever source is named for it now", () => {
    const from = (plan: Plan, source: string): Plan => ({
      ...plan,
      repositories: plan.repositories.map((repository) => ({
        ...repository,
        images: repository.images.map((image) => ({ ...image, source: parseRepository(source) })),
      })),
    });
    const saved = from(planOf("copy", "copy"), "gcr.io/second/a");
    expect(verdictsOf(restrictPlan(from(planOf("tag", "copy"), "gcr.io/first/a"), saved, "f"))).toEqual([
      "tag",
      "withheld",
    ]);
  });

  it("keeps its hash when lines move, and changes it when a verdict does", () => {
    const plan = planOf("copy", "copy");
    const moved = plan.repositories.map((repository) => ({
      ...repository,
      images: repository.images.map((image) => ({ ...image, at: "elsewhere:1:1" })),
    }));
    expect(sealPlan(moved, plan.edgesHash).hash).toBe(plan.hash);
    expect(planOf("copy", "tag").hash).not.toBe(plan.hash);
  });
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
