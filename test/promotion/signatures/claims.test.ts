import { describe, expect, test } from "vitest";
import { parseDigest, parseRepository } from "../../../src/oci/index.ts";
import type { PolicyVerdict } from "../../../src/policy/index.ts";
import { summaryBytes } from "../../../src/promotion/signatures/statements.ts";

// Rows of kpromo's own tests of what a summary claims (promoter/image/provenance/summary.go), restated.

const digest = parseDigest(`sha256:${"1".repeat(64)}`);
const digestOf = (digit: string) => parseDigest(`sha256:${digit.repeat(64)}`);
const commit = "c".repeat(40);
const manifest = "registry.k8s.io/manifests/p/promoter-manifest.yaml";

const image = {
  digest,
  source: parseRepository("staging.example.com/p/app"),
  identity: "registry.k8s.io/p/app",
  named: true,
  tags: ["v1"],
  file: "registry.k8s.io/images/p/images.yaml",
} as Parameters<typeof summaryBytes>[0];

const facts = {
  time: new Date("2026-09-29T12:00:00Z"),
  promoter: { name: "https://k8s.io/promo-tools", version: "v4.7.0" },
  verifier: { id: "https://k8s.io/promo-tools/verifier/v1", version: { kpromo: "v4.7.0" } },
  manifests: {
    pathOf: (file: string) => file,
    repository: "https://github.com/kubernetes/k8s.io",
    commit,
  },
} as unknown as Parameters<typeof summaryBytes>[2];

const verdict = (more: Partial<PolicyVerdict> = {}): PolicyVerdict => ({
  policy: "provenance",
  at: { file: manifest, line: 5, column: 1 },
  mode: "require",
  outcome: "satisfied",
  why: "",
  accepted: [],
  ...more,
});

interface Predicate {
  readonly policy: object;
  readonly inputAttestations?: readonly object[];
  readonly verificationResult: string;
  readonly verifiedLevels: readonly string[];
}

function said(verdicts: readonly PolicyVerdict[], about = image, of = facts): Predicate {
  return JSON.parse(Buffer.from(summaryBytes(about, verdicts, of)).toString()).predicate;
}

const reviewed = "K8S_PROMOTION_MANIFEST_REVIEWED";

describe("a summary claims", () => {
  test.each([
    ["the level that a policy verified", [3], "3"],
    ["the lowest level of all policies", [3, 2], "2"],
    ["no level where none was verified", [0], "UNEVALUATED"],
    ["not even beside a verified one", [0, 3], "UNEVALUATED"],
    ["in any order", [3, 0], "UNEVALUATED"],
    ["the level of those that ask for provenance, beside others", [undefined, 3], "3"],
    ["no level where nobody asks for provenance", [undefined], "UNEVALUATED"],
  ])("%s", (_, levels, claimed) => {
    expect(said(levels.map((level) => verdict({ level })))).toMatchObject({
      verificationResult: "PASSED",
      verifiedLevels: [`SLSA_BUILD_LEVEL_${claimed}`, reviewed],
      slsaVersion: "1.0",
    });
  });

  test.each(["missing", "failed"] as const)("FAILED alone where one that only warns is %s", (outcome) => {
    const found = said([verdict({ level: 3 }), verdict({ mode: "warn", outcome, level: 0 })]);
    expect([found.verificationResult, found.verifiedLevels]).toEqual(["FAILED", ["FAILED"]]);
  });

  test("no level where an exception lets the image through", () => {
    const found = said([verdict({ outcome: "excepted", level: 0 })]);
    expect(found.verifiedLevels).toEqual(["SLSA_BUILD_LEVEL_UNEVALUATED", reviewed]);
  });

  test("nothing while a policy is unreadable", () => {
    expect(() =>
      said([verdict({ level: 3 }), verdict({ mode: "warn", outcome: "unreadable", level: 0 })]),
    ).toThrow("nobody knows");
  });

  test("a reviewed manifest only of one at a commit, and of images that manifests ask for", () => {
    const levels = ["SLSA_BUILD_LEVEL_3"];
    expect(said([verdict({ level: 3 })], { ...image, byName: true }).verifiedLevels).toEqual(levels);
    const { manifests: _, ...unknown } = facts;
    expect(said([verdict({ level: 3 })], image, unknown).verifiedLevels).toEqual(levels);
  });

  test("the policy by its file and commit, and by the repository where there are several", () => {
    const uri = "git+https://github.com/kubernetes/k8s.io";
    const digest = { gitCommit: commit };
    expect(said([verdict()]).policy).toEqual({ uri: `${uri}#${manifest}`, digest });
    const other = verdict({ at: { file: "policy.yaml", line: 1, column: 1 } });
    expect(said([verdict(), other]).policy).toEqual({ uri, digest });
  });

  test("what policies have accepted, each once: referrers by their bundles, what is under a tag by its payload", () => {
    const referrer = { manifest: digestOf("a"), layer: digestOf("2"), content: digestOf("e") };
    const other = { manifest: digestOf("b"), layer: digestOf("3"), content: digestOf("f") };
    const tag = `sha256-${"1".repeat(64)}.att`;
    const tagged = { manifest: digestOf("d"), layer: digestOf("4"), content: digestOf("9"), tag };
    const inputs = said([
      verdict({ accepted: [referrer, tagged] }),
      verdict({ accepted: [referrer, other] }),
    ]).inputAttestations;
    expect(inputs).toEqual([
      { uri: `staging.example.com/p/app:${tag}`, digest: { sha256: "9".repeat(64) } },
      { uri: `staging.example.com/p/app@${digestOf("a")}`, digest: { sha256: "e".repeat(64) } },
      { uri: `staging.example.com/p/app@${digestOf("b")}`, digest: { sha256: "f".repeat(64) } },
    ]);
  });
});
