import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
  causeOf,
  type Health,
  nextHealth,
  recoversAfter,
  type Seen,
} from "../../src/notifications/health.ts";
import { rulesFor } from "../../src/notifications/rules.ts";

/** What is told, by letters: f fails, s succeeds, t a quarter of an hour passes. */
function told(letters: string, policy: Parameters<typeof nextHealth>[2]): readonly string[] {
  let health: Health = { at: "ok" };
  let now = 0;
  return [...letters].flatMap((letter, index) => {
    now += letter === "t" ? recoversAfter : 1;
    const seen: Seen =
      letter === "f"
        ? { what: "failed", run: String(index), cause: "it is away", at: now }
        : { what: letter === "s" ? "succeeded" : "time", at: now };
    const next = nextHealth(health, seen, policy);
    health = next.health;
    return next.tell === undefined ? [] : [next.tell];
  });
}

describe("a job is told of", () => {
  test.each([
    ["s", 1, []],
    ["f", 1, ["failing"]],
    ["fffff", 1, ["failing"]],
    ["f", 2, []],
    ["fsf", 2, []],
    ["ff", 2, ["failing"]],
    ["fss", 1, ["failing", "recovered"]],
    ["fst", 1, ["failing", "recovered"]],
    ["fs", 1, ["failing"]],
    ["fsfsfsf", 1, ["failing"]],
    ["fsfss", 1, ["failing", "recovered"]],
    ["ftttt", 1, ["failing"]],
    ["fssfss", 1, ["failing", "recovered", "failing", "recovered"]],
    ["tsts", 1, []],
  ])("%s with %i", (letters, failures, expected) => {
    expect(told(letters, { failures })).toEqual(expected);
  });

  it("again after a while, where that is wanted", () => {
    const policy = { failures: 1, remindAfter: 2 * recoversAfter };
    expect(told("ftfttf", policy)).toEqual(["failing", "still-failing"]);
    expect(told("fttttss", policy)).toEqual(["failing", "still-failing", "still-failing", "recovered"]);
  });

  it("never twice without its opposite between, whatever happens", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("f", "s", "t"), { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        (letters, failures) => {
          const all = told(letters.join(""), { failures });
          for (const [index, one] of all.entries())
            expect(one).toBe(index % 2 === 0 ? "failing" : "recovered");
        },
      ),
    );
  });
});

test("one cause has one text, whatever job, number or hash it names", () => {
  const digest = "a".repeat(64);
  expect(causeOf(`build-a: registry:5000 answers with 503 after 12.5 s (sha256:${digest})`, "build-a")).toBe(
    causeOf(
      `build-b: registry:5000 answers with 502 after 3 s (sha256:${digest.replaceAll("a", "b")})`,
      "build-b",
    ),
  );
});

describe("rules", () => {
  const wishes = { job: "post-image-promo", contact: [], to: [] };
  const rule = (jobs: readonly string[] | undefined) => ({ name: "r", jobs, to: ["chat"] });
  const fits = (jobs: readonly string[] | undefined, job: string) =>
    rulesFor({ receivers: [], rules: [rule(jobs)] }, { ...wishes, job }).length > 0;

  test.each([
    [undefined, "any", true],
    [["post-*"], "post-image-promo", true],
    [["*-promo"], "post-image-promo", true],
    [["post-*-promo"], "post-image-promo", true],
    [["a*a"], "a", false],
    [["a*a"], "aa", true],
    [["*b*b*"], "abcb", true],
    [["*b*b*"], "abc", false],
    [["post"], "post-image-promo", false],
    [["(.*)"], "post-image-promo", false],
    [[], "any", false],
  ])("for %j and %s", (jobs, job, expected) => {
    expect(fits(jobs, job)).toBe(expected);
  });

  it("are those of the settings and the job's own, with its number of failures where they say none", () => {
    const settings = {
      receivers: [],
      rules: [
        { ...rule(["post-*"]), name: "a", failures: 3 },
        { ...rule(undefined), name: "b" },
      ],
    };
    const applied = rulesFor(settings, { ...wishes, failures: 2, contact: ["a@example.com"], to: ["ops"] });
    expect(applied.map(({ name, policy, to }) => [name, policy.failures, to])).toEqual([
      ["a", 3, ["chat"]],
      ["b", 2, ["chat"]],
      ["job", 2, ["ops", "mailto:a@example.com"]],
    ]);
  });
});
