import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ComparedRun, compareHistories, type Job } from "../../src/jobs/index.ts";
import type { RunRefs } from "../../src/store/index.ts";

const promotion: Job = {
  name: "promote",
  repo: "https://github.com/kubernetes/k8s.io",
  on: { branch: ["^main$"] },
  work: { kind: "promote", promote: { manifests: "registry.k8s.io" } },
};
const review: Job = {
  name: "review",
  repo: promotion.repo,
  pullRequest: {},
  work: { kind: "review", review: { manifests: "registry.k8s.io" } },
};
const nightly: Job = {
  name: "nightly",
  repo: promotion.repo,
  clock: { cron: "0 7 * * *", ref: "main" },
  work: promotion.work,
};
const often: Job = { ...nightly, name: "often", clock: { everySeconds: 4 * 3600, ref: "main" } };

const at = (time: string): Date => new Date(`2026-11-29T${time}:00Z`);
const hash = (letter: string): string => letter.repeat(40);

function run(job: Job, start: string, refs?: RunRefs, more: Partial<ComparedRun> = {}): ComparedRun {
  const startedAt = at(start);
  const finishedAt = new Date(startedAt.getTime() + 120_000);
  return {
    id: `${job.name}-${start}`,
    job: job.name,
    startedAt,
    finishedAt,
    result: "SUCCESS",
    refs,
    revision: undefined,
    ...more,
  };
}

const push = (letter: string, ref = "main"): RunRefs => ({
  org: "kubernetes",
  repo: "k8s.io",
  base_ref: ref,
  base_sha: hash(letter),
});
const pull = (number: number, letter: string): RunRefs => ({
  ...push("0"),
  pulls: [{ number, sha: hash(letter) }],
});

/** What is said of runs that Prow and Waybill had on one day. */
function compared(job: Job, prow: readonly ComparedRun[], waybill: readonly ComparedRun[]) {
  const question = { jobs: [job], prow, waybill, since: at("00:00"), until: at("23:59") };
  const { jobs } = compareHistories(question);
  return jobs[0]?.runs.map((each) => [each.verdict, each.what, each.reason]);
}

describe("runs of a push", () => {
  test("of the same commit agree, however they are named", () => {
    const ours = run(promotion, "10:01", { ...push("a"), org: "k" }, { id: "other" });
    expect(compared(promotion, [run(promotion, "10:00", push("a"))], [ours])).toEqual([
      ["agreed", "push of main at aaaaaaaaaaaa", "SUCCESS; Waybill began 1m after Prow"],
    ]);
  });

  test("of another commit or branch are others", () => {
    const prow = [run(promotion, "10:00", push("a")), run(promotion, "12:00", push("b"))];
    const waybill = [run(promotion, "10:00", push("c")), run(promotion, "12:00", push("b", "release"))];
    expect(compared(promotion, prow, waybill)).toEqual([
      ["only-in-prow", "push of main at aaaaaaaaaaaa", "Waybill had no run of it"],
      ["only-in-waybill", "push of main at cccccccccccc", "Prow had no run of it"],
      ["only-in-prow", "push of main at bbbbbbbbbbbb", "Waybill had no run of it"],
      ["only-in-waybill", "push of release at bbbbbbbbbbbb", "Prow had no run of it"],
    ]);
  });

  test("that ended otherwise say how, and one that is not over says nothing", () => {
    const prow = [
      run(promotion, "10:00", push("a"), { result: "FAILURE" }),
      run(promotion, "11:00", push("b")),
      run(promotion, "12:00", push("c"), { result: undefined, finishedAt: undefined }),
    ];
    const waybill = [
      run(promotion, "10:00", push("a")),
      run(promotion, "11:00", push("b"), { result: "PENDING", finishedAt: undefined }),
      run(promotion, "12:00", push("c")),
    ];
    expect(compared(promotion, prow, waybill)).toEqual([
      [
        "different-result",
        "push of main at aaaaaaaaaaaa",
        "Prow: FAILURE after 2m, Waybill: SUCCESS after 2m",
      ],
      [
        "undecided",
        "push of main at bbbbbbbbbbbb",
        "it is not over: Prow: SUCCESS after 2m, Waybill: PENDING",
      ],
      [
        "undecided",
        "push of main at cccccccccccc",
        "it is not over: Prow: unknown, Waybill: SUCCESS after 2m",
      ],
    ]);
  });

  test("that Prow did in two are one of ours, which took the newer commit in", () => {
    const prow = [run(promotion, "10:00", push("a")), run(promotion, "10:05", push("b"))];
    const ours = run(promotion, "10:06", push("b"), { id: "both" });
    expect(compared(promotion, prow, [ours])).toEqual([
      [
        "covered",
        "push of main at aaaaaaaaaaaa",
        "Waybill did it with a newer commit, in both: push of main at bbbbbbbbbbbb",
      ],
      ["agreed", "push of main at bbbbbbbbbbbb", "SUCCESS; Waybill began 1m after Prow"],
    ]);
  });

  test("that one side repeats are told apart from those that the other lacks", () => {
    const prow = [run(promotion, "10:00", push("a")), run(promotion, "10:30", push("a"), { id: "again" })];
    const verdicts = compared(promotion, prow, [run(promotion, "10:29", push("a"))]);
    expect(verdicts).toEqual([
      ["only-in-prow", "push of main at aaaaaaaaaaaa", "Prow ran it again: again is the run that both have"],
      ["agreed", "push of main at aaaaaaaaaaaa", "SUCCESS; Waybill began 1m before Prow"],
    ]);
    expect(compared(promotion, prow.slice(0, 1), prow)).toEqual([
      ["agreed", "push of main at aaaaaaaaaaaa", "SUCCESS; Waybill began at the same time"],
      ["only-in-waybill", "push of main at aaaaaaaaaaaa", "Waybill ran it again"],
    ]);
  });

  test("at the edges of the time may have their partner outside", () => {
    const prow = [run(promotion, "00:30", push("a")), run(promotion, "23:30", push("b"))];
    expect(compared(promotion, prow, [])).toEqual([
      [
        "undecided",
        "push of main at aaaaaaaaaaaa",
        "it began too early in this time: Waybill's may be before",
      ],
      [
        "undecided",
        "push of main at bbbbbbbbbbbb",
        "it began too short a time ago: Waybill's may still come",
      ],
    ]);
    expect(compared(promotion, [], prow.slice(0, 1))?.map(([verdict]) => verdict)).toEqual(["undecided"]);
  });

  test("without a start are told, and decide nothing", () => {
    expect(compared(promotion, [run(promotion, "10:00", push("a"), { startedAt: undefined })], [])).toEqual([
      ["undecided", "push of main at aaaaaaaaaaaa", "nobody knows when it began"],
    ]);
  });
});

test("runs of a pull request are about its state, not about its branch", () => {
  const prow = [run(review, "10:00", pull(7, "a")), run(review, "11:00", pull(7, "b"))];
  expect(
    compared(review, prow, [run(review, "10:00", pull(7, "a")), run(review, "11:00", pull(8, "b"))]),
  ).toEqual([
    ["agreed", "pull request #7 at aaaaaaaaaaaa", "SUCCESS; Waybill began at the same time"],
    ["only-in-prow", "pull request #7 at bbbbbbbbbbbb", "Waybill had no run of it"],
    ["only-in-waybill", "pull request #8 at bbbbbbbbbbbb", "Prow had no run of it"],
  ]);
});

describe("runs of a clock", () => {
  test("are one when they are near, whatever commit they found", () => {
    const waybill = [run(nightly, "07:02", push("a"), { revision: hash("a") }), run(nightly, "15:00")];
    expect(compared(nightly, [run(nightly, "07:00", undefined, { revision: hash("b") })], waybill)).toEqual([
      ["agreed", "clock", "SUCCESS; Waybill began 2m after Prow"],
      ["only-in-waybill", "clock", "Prow had no run of it"],
    ]);
  });

  test("of the same interval need not start together", () => {
    const prow = ["02:00", "06:00", "10:00", "14:00", "18:00"].map((time) => run(often, time));
    const waybill = ["03:50", "07:50", "11:50", "15:50"].map((time) => run(often, time));
    expect(compared(often, prow, waybill)?.map(([verdict]) => verdict)).toEqual([
      "agreed",
      "agreed",
      "agreed",
      "agreed",
      "only-in-prow",
    ]);
  });
});

test("jobs are counted apart and together, and others are left out", () => {
  const comparison = compareHistories({
    jobs: [promotion, review],
    prow: [run(promotion, "10:00", push("a")), run(nightly, "07:00")],
    waybill: [run(promotion, "10:00", push("a")), run(review, "12:00", pull(1, "a"))],
    since: at("00:00"),
    until: at("23:59"),
  });
  expect(comparison.jobs.map(({ job, counts }) => [job, counts.agreed, counts["only-in-waybill"]])).toEqual([
    ["promote", 1, 0],
    ["review", 0, 1],
  ]);
  expect(comparison.counts).toEqual({
    ...{
      agreed: 1,
      "different-result": 0,
      "only-in-prow": 0,
      "only-in-waybill": 1,
      covered: 0,
      undecided: 0,
    },
  });
});

test("every run is in one verdict, whatever both histories are", () => {
  const runs = (prefix: string) =>
    fc
      .array(
        fc.record({
          at: fc.option(fc.integer({ min: 0, max: 24 * 60 - 1 }), { nil: undefined }),
          commit: fc.constantFrom("a", "b", "c"),
          pull: fc.constantFrom(undefined, 1, 2),
          result: fc.constantFrom("SUCCESS", "FAILURE", "ABORTED", "PENDING", undefined),
        }),
        { maxLength: 12 },
      )
      .map((all) =>
        all.map(({ at: minutes, commit, pull: number, result }, index): ComparedRun => {
          const startedAt =
            minutes === undefined ? undefined : new Date(at("00:00").getTime() + minutes * 60_000);
          const refs = number === undefined ? push(commit) : pull(number, commit);
          return {
            ...{ id: `${prefix}${index}`, job: "promote", startedAt, finishedAt: startedAt, refs },
            ...{ result: result as ComparedRun["result"], revision: undefined },
          };
        }),
      );
  fc.assert(
    fc.property(runs("p"), runs("w"), (prow, waybill) => {
      const question = { jobs: [promotion], prow, waybill, since: at("00:00"), until: at("23:59") };
      const { jobs, counts } = compareHistories(question);
      const told = jobs[0]?.runs ?? [];
      expect(told.flatMap((each) => each.prow?.id ?? []).sort()).toEqual(prow.map(({ id }) => id).sort());
      expect(told.flatMap((each) => each.waybill?.id ?? []).sort()).toEqual(
        waybill.map(({ id }) => id).sort(),
      );
      expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(told.length);
      const both = told.filter((each) => each.prow !== undefined && each.waybill !== undefined);
      expect(both.every(({ verdict }) => ["agreed", "different-result", "undecided"].includes(verdict))).toBe(
        true,
      );
    }),
  );
});
