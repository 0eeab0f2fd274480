import { expect, it } from "vitest";
import type { KeptPull, KeptReview } from "../../src/reviews/index.ts";
import { pullDocument } from "../../src/server/reviews/documents.ts";

const [head, before] = ["a".repeat(40), "b".repeat(40)];
const pull: KeptPull = {
  ...{ id: "1", url: "https://forge.example/o/r", number: 7, page: "https://forge.example/o/r/pull/7" },
  ...{ title: "Promote", author: "ann", head, base: "main", state: "merged", draft: false },
  ...{ seenAt: new Date(0), changedAt: new Date(0) },
} as KeptPull;

function review(run: string, verdict: KeptReview["verdict"], commit = head): KeptReview {
  return {
    ...{ run, job: `review-${run}`, commit, edgesHash: "sha256:0", verdict, approvals: undefined },
    ...{ at: new Date(Number(run) * 1000) },
    summary: { fails: verdict === "fails" ? 1 : 0, mentions: 0, edges: { added: 1, removed: 0, moved: 0 } },
  } as KeptReview;
}

const shown = (...reviews: readonly KeptReview[]) =>
  pullDocument({ pull, reviews, hold: undefined, waits: [] }).review;

it("shows the worst verdict on the newest commit, whoever came to one last", () => {
  const failing = { run: "1", verdict: "fails", isCurrent: true, fails: 1 };
  expect(shown(review("1", "fails"), review("2", "passes"))).toMatchObject(failing);
  expect(shown(review("2", "passes"), review("1", "fails"))).toMatchObject(failing);
  expect(shown(review("1", "passes"), review("2", "passes"))).toMatchObject({ run: "2", verdict: "passes" });
});

it("shows what was found of an older commit where there is nothing newer alone", () => {
  const old = review("9", "fails", before);
  expect(shown(review("1", "passes"), old)).toMatchObject({ run: "1", verdict: "passes", isCurrent: true });
  expect(shown(old, review("10", "passes", before))).toMatchObject({ run: "9", isCurrent: false });
  expect(shown(old, review("10", "passes", "c".repeat(40)))).toMatchObject({ run: "10" });
  expect(shown()).toBeUndefined();
});
