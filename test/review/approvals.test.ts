import { describe, expect, test } from "vitest";
import { approvalState } from "../../src/review/index.ts";

const head = { commit: "c3", edgesHash: "sha256:two" };
const hashes: Record<string, string> = { c1: "sha256:one", c2: "sha256:two" };
const state = (...approvals: { user: string; commit?: string }[]) =>
  approvalState({
    approvals,
    head,
    edgesHashAt: (commit) => hashes[commit],
    mayApprove: (user) => user !== "stranger",
  });

describe("an approval", () => {
  test("stands as long as the change asks for the same edges, whatever commits it has by then", () => {
    const { standing, void: fallen } = state({ user: "ann", commit: "c2" }, { user: "bob", commit: "c3" });
    expect(standing.map(({ user }) => user)).toEqual(["ann", "bob"]);
    expect(fallen).toEqual([]);
  });

  test("falls with the first edge that differs", () => {
    expect(state({ user: "ann", commit: "c1" })).toEqual({
      standing: [],
      void: [{ approval: { user: "ann", commit: "c1" }, reason: "edges-changed" }],
    });
  });

  test("of which nobody knows what it was for does not stand", () => {
    const { void: fallen } = state({ user: "ann", commit: "gone" }, { user: "ann" });
    expect(fallen.map(({ reason }) => reason)).toEqual(["commit-unknown", "commit-unknown"]);
  });

  test("of somebody who may not approve does not stand", () => {
    expect(state({ user: "stranger", commit: "c3" }).void[0]?.reason).toBe("not-an-approver");
  });

  test("is judged with one question for each commit", () => {
    let asked = 0;
    approvalState({
      approvals: [
        { user: "ann", commit: "c1" },
        { user: "bob", commit: "c1" },
        { user: "cat", commit: "c3" },
      ],
      head,
      mayApprove: () => true,
      edgesHashAt: () => {
        asked += 1;
        return undefined;
      },
    });
    expect(asked).toBe(1);
  });
});
