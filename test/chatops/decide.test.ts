import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { decide } from "../../src/chatops/decide.ts";
import type { Command } from "../../src/chatops/grammar.ts";
import type { CommandFacts, PullJob } from "../../src/chatops/model.ts";

const job = (name: string, more: Partial<PullJob> = {}): PullJob => ({
  ...{ name, concerned: true, last: undefined, rerun: undefined, ...more },
});
const stranger: CommandFacts = {
  pull: { state: "open", author: "ann", labels: [] },
  ...{ who: "eve", permission: "read", isMember: false, owns: "nothing", unread: undefined },
  jobs: [
    job("unit", { last: "failed" }),
    job("e2e", { last: "succeeded" }),
    job("lint"),
    job("docs", { concerned: false }),
  ],
  ...{ never: ["image"], mayRerun: new Set<string>(), trust: { isTrusted: true, unread: undefined } },
};
const author = { ...stranger, who: "Ann" };
const writer: CommandFacts = { ...stranger, who: "bob", permission: "write" };
const member: CommandFacts = { ...stranger, who: "mia", isMember: true };
const reviewer: CommandFacts = { ...stranger, who: "rob", owns: "reviews" };
const approver: CommandFacts = { ...stranger, who: "pam", owns: "approves" };

function say(command: Command, facts: CommandFacts): unknown {
  const decision = decide(command, facts);
  return "act" in decision ? ("jobs" in decision.act ? decision.act.jobs : decision.act.do) : "refused";
}

describe("jobs are run", () => {
  test.each([
    [{ name: "test", jobs: "all" }, ["unit", "e2e", "lint"]],
    [{ name: "test", jobs: ["docs"] }, ["docs"]],
    [{ name: "retest" }, ["unit", "lint"]],
    [{ name: "rerun", jobs: [] }, ["unit"]],
    [{ name: "rerun", jobs: ["e2e"] }, ["e2e"]],
    [{ name: "test", jobs: ["unit", "nothing"] }, "refused"],
  ] as const)("for %j", (command, expected) => {
    for (const facts of [writer, member, reviewer, approver]) expect(say(command, facts)).toEqual(expected);
    expect(say(command, stranger)).toBe("refused");
    expect(say(command, { ...writer, trust: { isTrusted: false, unread: undefined } })).toBe("refused");
  });

  it("for the author, but not again", () => {
    expect(say({ name: "retest" }, author)).toEqual(["unit", "lint"]);
    expect(say({ name: "rerun", jobs: [] }, author)).toBe("refused");
    expect(say({ name: "retest" }, { ...author, trust: { isTrusted: false, unread: undefined } })).toBe(
      "refused",
    );
  });

  it("for whom the job names", () => {
    const named = { ...stranger, mayRerun: new Set(["unit"]) };
    expect(say({ name: "rerun", jobs: ["unit"] }, named)).toEqual(["unit"]);
    expect(say({ name: "rerun", jobs: ["unit", "e2e"] }, named)).toBe("refused");
  });

  it("when there are any, or it is said that there are none", () => {
    const done = { ...writer, jobs: [job("unit", { last: "succeeded" })] };
    expect(decide({ name: "retest" }, done)).toEqual({ refusal: "no job has failed at the newest commit" });
    expect(decide({ name: "test", jobs: "all" }, { ...writer, jobs: [] })).toHaveProperty("refusal");
  });
});

test("a right that could not be read is refused, and not said to be none", () => {
  const unread = "who is a member of org";
  for (const command of [
    { name: "test", jobs: "all" },
    { name: "ok-to-test" },
    { name: "lgtm" },
    { name: "lgtm-cancel" },
  ] as const) {
    expect(decide(command, { ...stranger, unread })).toEqual({
      refusal: expect.stringContaining(
        `could not be read: the forge does not show Waybill's token ${unread}`,
      ),
    });
    expect(decide(command, stranger)).not.toEqual({ refusal: expect.stringContaining("could not be read") });
  }
  expect(decide({ name: "retest" }, { ...writer, trust: { isTrusted: false, unread } })).toEqual({
    refusal: expect.stringContaining("could not be read"),
  });
});

test("what is never run for a pull request is said to be so", () => {
  expect(decide({ name: "test", jobs: ["unit", "image"] }, writer)).toEqual({
    refusal: expect.stringMatching(/only reviews are run .* never `image`$/),
  });
});

test.each([
  ["ok-to-test", { stranger: 0, author: 0, writer: 1, member: 1, reviewer: 1, approver: 1 }],
  ["hold", { stranger: 1, author: 1, writer: 1, member: 1, reviewer: 1, approver: 1 }],
  ["hold-cancel", { stranger: 1, author: 1, writer: 1, member: 1, reviewer: 1, approver: 1 }],
  ["lgtm", { stranger: 0, author: 0, writer: 1, member: 1, reviewer: 1, approver: 1 }],
  ["lgtm-cancel", { stranger: 0, author: 1, writer: 1, member: 1, reviewer: 1, approver: 1 }],
  ["approve", { stranger: 0, author: 0, writer: 0, member: 0, reviewer: 0, approver: 1 }],
  ["list-tests", { stranger: 1, author: 1, writer: 1, member: 1, reviewer: 1, approver: 1 }],
] as const)("/%s is said by those who may", (name, expected) => {
  const people = { stranger, author, writer, member, reviewer, approver };
  for (const [who, may] of Object.entries(expected)) {
    const facts = people[who as keyof typeof people];
    expect([who, say({ name }, facts) !== "refused"]).toEqual([who, may === 1]);
  }
});

test("nobody approves or trusts their own, whatever they may do else", () => {
  const own: CommandFacts = { ...approver, who: "ANN", permission: "admin", isMember: true };
  for (const name of ["approve", "lgtm", "ok-to-test"] as const) expect(say({ name }, own)).toBe("refused");
});

test("nothing is done to what is merged or closed, and every decision has words or an act", () => {
  const command = fc.constantFrom<Command>(
    ...(
      ["ok-to-test", "hold", "hold-cancel", "lgtm", "lgtm-cancel", "approve", "approve-cancel"] as const
    ).map((name) => ({ name })),
    ...[{ name: "retest" } as const, { name: "list-tests" } as const, { name: "test", jobs: "all" } as const],
  );
  fc.assert(
    fc.property(command, fc.constantFrom("merged", "closed"), (said, state) => {
      const facts = { ...approver, pull: { ...approver.pull, state } } as const;
      expect(decide(said, facts)).toEqual({ refusal: `the pull request is ${state}` });
    }),
  );
});
