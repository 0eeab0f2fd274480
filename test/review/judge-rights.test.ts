import { describe, expect, test } from "vitest";
import type { PushAnswer } from "../../src/review/ask-registries.ts";
import { judgeRights } from "../../src/review/judge/rights.ts";

const sides = ["a.example/foo", "b.example/foo", "c.example/foo"].map((name, line) => ({
  name,
  at: { file: "file", line: line + 2, column: 3 },
}));
const projects = [
  { project: "foo", kind: "changed" as const, addedDestinations: sides, removedDestinations: [] },
];

function judged(answers: Readonly<Record<string, PushAnswer>>) {
  return judgeRights({ projects }, { mayPush: (_, registry) => answers[registry] });
}

describe("new destinations", () => {
  test("that let us push, or that nobody asked, are nothing to say", () => {
    expect(judged({ "a.example/foo": { mayPush: "yes" } })).toEqual([]);
    expect(judgeRights({ projects }, undefined)).toEqual([]);
  });

  test("that refuse fail, together, and those of which nobody knows are mentioned", () => {
    const found = judged({
      "a.example/foo": { mayPush: "no" },
      "b.example/foo": { mayPush: "unknown", why: "it is silent" },
      "c.example/foo": { mayPush: "no" },
    });
    expect(found).toMatchObject([
      { severity: "fails", code: "no-push-rights", file: "file", at: { line: 2, column: 3 } },
      { severity: "mentions", code: "push-rights-unknown", at: { line: 3, column: 3 } },
    ]);
    expect(found[0]?.message).toContain("a.example/foo and 1 more do not let");
    expect(found[1]?.message).toContain("is not known: it is silent");
  });
});
