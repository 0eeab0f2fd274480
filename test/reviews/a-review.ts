import type { Review, ReviewedLine, ReviewFinding } from "../../src/review/index.ts";

/** A hash of edges. */
export const edgesOf = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** A line that asks for a new tag in two registries. */
export function aLine(tag: string, more: Partial<ReviewedLine> = {}): ReviewedLine {
  return {
    ...{ kind: "added", image: "hello", tag, digest: `sha256:${"d".repeat(64)}` },
    ...{
      at: { file: "registry/images/app/images.yaml", line: 3, column: 9 },
      source: "gcr.io/k8s-staging-app/hello",
    },
    destinations: ["registry.example/eu/hello", "registry.example/us/hello"],
    verdicts: { copy: 2 },
    ...more,
  } as ReviewedLine;
}

/** A finding that fails, about a tag. */
export function aFinding(tag: string, more: Partial<ReviewFinding> = {}): ReviewFinding {
  return {
    ...{ severity: "fails", code: "lost", message: `hello:${tag} is in neither staging nor production` },
    ...{ hint: "push it to staging, or correct the digest", file: "registry/images/app/images.yaml" },
    ...more,
  } as ReviewFinding;
}

/** A review of one project, whose files pam may approve. */
export function aReview(
  commit: string,
  {
    edges = "e",
    lines = [aLine("v1")],
    findings = [],
  }: {
    readonly edges?: string;
    readonly lines?: readonly ReviewedLine[];
    readonly findings?: readonly ReviewFinding[];
  } = {},
): Review {
  const files = [
    { file: "registry/images/app/images.yaml", owners: { approvers: ["pam"], reviewers: ["rob"] } },
  ];
  return {
    ...{ format: "waybill-review/2", path: "registry", prefix: "" },
    verdict: findings.some(({ severity }) => severity === "fails") ? "fails" : "passes",
    base: { commit: "b".repeat(40) },
    head: { commit },
    ...{ offline: false, interrupted: false, allowRemovals: false, edgesHash: edgesOf(edges) },
    edges: { added: 2 * lines.length, removed: 0, moved: 0, "source-changed": 0, unchanged: 7 },
    findings,
    projects: [{ project: "app", files, lines, newDestinations: [], removedDestinations: [] }],
    ...{ passedOver: ["other"], outside: { errors: 0, warnings: 0 }, rewritten: [] },
  };
}
