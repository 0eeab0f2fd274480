import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import type { PolicyOutcome, PolicyVerdict } from "../../src/policy/index.ts";
import { formatJUnit, formatPlan, readPlan, reportPromotion } from "../../src/promotion/index.ts";
import type { PlannedImage } from "../../src/promotion/planned-images.ts";
import { type ImageJudgement, underPolicies } from "../../src/promotion/policies.ts";
import type { ImageTrust } from "../../src/trust/index.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";
import { digestFor } from "./world.ts";

const at = { file: "policy.yaml", line: 3, column: 5 };

function says(outcome: PolicyOutcome, mode: ImageJudgement["mode"] = "require"): PolicyVerdict {
  return { policy: "slsa", at, mode, outcome, why: `it is ${outcome}`, accepted: [], level: 3 };
}

const image: PlannedImage = {
  digest: digestFor("one"),
  project: "p",
  source: parseRepository("staging.example/app"),
  edges: [
    { tag: parseTag("1.0"), verdict: "copy", reason: "digest-absent", at },
    { tag: parseTag("1.1"), verdict: "conflict", reason: "tag-at-other-digest", at },
  ],
};

function outcomeOf(...verdicts: readonly PolicyVerdict[]): string | undefined {
  const [first, second] = underPolicies(image, verdicts).edges;
  // What is no work is for no policy to judge.
  expect(second).toEqual(image.edges[1]);
  return `${first?.verdict} ${first?.reason}`;
}

describe("an image under policies", () => {
  test.each<[string, readonly PolicyVerdict[], string]>([
    ["satisfied", [says("satisfied")], "copy digest-absent"],
    ["excepted", [says("excepted")], "copy digest-absent"],
    ["missing", [says("missing")], "refused policy-missing"],
    ["failed", [says("failed")], "refused policy-failed"],
    ["unreadable", [says("unreadable")], "unread policy-unreadable"],
    ["one of two", [says("satisfied"), says("missing")], "refused policy-missing"],
    ["missing and failed", [says("missing"), says("failed")], "refused policy-failed"],
    ["unreadable and missing", [says("unreadable"), says("missing")], "refused policy-missing"],
    ["warned of what is missing", [says("missing", "warn")], "copy digest-absent"],
    ["warned of what is unreadable", [says("unreadable", "warn")], "copy digest-absent"],
    ["switched off", [says("failed", "off")], "copy digest-absent"],
  ])("%s", (_, verdicts, expected) => expect(outcomeOf(...verdicts)).toBe(expected));

  test("is as it was where none applies", () => expect(underPolicies(image, [])).toBe(image));
});

describe("in a promotion", () => {
  let world: PromotionWorld;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.close());

  const trustOf = (judge: (digest: string) => readonly PolicyVerdict[], asked: string[] = []): ImageTrust =>
    ({
      travel: () => "none",
      applies: ({ digest }) => judge(digest).length > 0,
      judge: async ({ digest }, where) => {
        asked.push(`${where}@${digest}`);
        return judge(digest);
      },
    }) as Partial<ImageTrust> as ImageTrust;

  test("one violation among a hundred images stops one, and nobody asks of what no policy applies to", async () => {
    const staged = await Promise.all(
      Array.from({ length: 100 }, (_, number) => world.stage(`many/app${number}`, "v1")),
    );
    const digests = staged.map(({ root }) => root.descriptor.digest);
    const asked: string[] = [];
    const trust = trustOf((digest) => {
      const number = (digests as readonly string[]).indexOf(digest);
      if (number === 57) return [says("missing")];
      return number < 60 ? [says("satisfied")] : number < 65 ? [says("missing", "warn")] : [];
    }, asked);
    const projects = [
      {
        name: "many",
        source: `${world.staging.host}/many`,
        destinations: [`${world.production.host}/many`],
        images: Object.fromEntries(digests.map((digest, number) => [`app${number}`, { [digest]: ["v1"] }])),
      },
    ];
    const { plan, report } = await world.promote(projects, { trust, confirm: false });
    expect(report.counts).toMatchObject({ pending: 99, refused: 1, failed: 0 });
    expect(report.asDesired).toBe(false);
    expect(report.problems).toMatchObject([
      { state: "refused", reason: "policy-missing", policy: "policy.yaml:3:5", digest: digests[57] },
    ]);
    expect(report.causes).toMatchObject([{ state: "refused", count: 1 }]);
    expect(new Set(asked).size).toBe(65);
    expect(report.policies).toHaveLength(65);
    expect(report.policies?.filter(({ outcome }) => outcome === "missing")).toHaveLength(6);
    const xml = formatJUnit(report);
    expect(xml).toContain('<failure type="refused"');
    expect(xml).toContain("policy slsa missing (only a warning): it is missing");
    const read = await readPlan(formatPlan(plan), "plan.json");
    expect(read.hash).toBe(plan.hash);
    expect(reportPromotion(read, []).policies).toEqual(report.policies);
  });
});
