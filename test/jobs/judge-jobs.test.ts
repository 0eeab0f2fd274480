import { describe, expect, test } from "vitest";
import { type JobSurroundings, judgeJobs, parseJobs } from "../../src/jobs/index.ts";

/** What is said of jobs, each given by its name and more keys, in one file. */
function judged(jobs: Readonly<Record<string, string>>, surroundings?: JobSurroundings) {
  const lines = Object.entries(jobs).map(
    ([name, more]) =>
      `  - {name: ${name}, repo: https://github.com/example/${/other/.test(name) ? "other" : "a"}, ${more}}\n`,
  );
  const list = judgeJobs(parseJobs(`jobs:\n${lines.join("")}`, "f.yaml"), surroundings);
  return {
    jobs: list.jobs.map(({ job }) => job.name),
    found: list.diagnostics.map(
      ({ severity, code, message, at }) => `${at?.line}:${at?.column} ${severity} ${code}: ${message}`,
    ),
  };
}

const build = "build: {dir: .}, triggers: {}";
const promote = "promote: {manifests: m}";

describe("jobs together", () => {
  test("that are right have nothing said of them", () => {
    expect(
      judged(
        { a: build, b: `${promote}, after: a`, c: `${promote}, after: [a, b], capacity: big` },
        {
          capacities: ["big"],
        },
      ),
    ).toEqual({ jobs: ["a", "b", "c"], found: [] });
  });

  test("of which one comes after none that there is", () => {
    expect(judged({ push: build, b: `${promote}, after: [push, psh]` })).toEqual({
      jobs: ["push"],
      found: ["3:90 error unknown-job: it comes after psh, and there is no such job"],
    });
  });

  test("after one with a problem stand: it comes back when that is mended", () => {
    const { jobs, found } = judged({ push: `${build}, wrong: 1`, b: `${promote}, after: push` });
    expect(jobs).toEqual(["b"]);
    expect(found).toEqual([expect.stringContaining("unknown-key")]);
  });

  test("in a circle are left out, those before and behind it are not", () => {
    expect(
      judged({
        a: build,
        b: `${promote}, after: [a, d]`,
        c: `${promote}, after: b`,
        d: `${promote}, after: c`,
        e: `${promote}, after: d`,
      }),
    ).toEqual({
      jobs: ["a", "e"],
      found: [
        "3:87 error job-cycle: it would start itself again and again: b comes after d comes after c comes after b",
        "4:83 error job-cycle: it would start itself again and again: c comes after b comes after d comes after c",
        "5:83 error job-cycle: it would start itself again and again: d comes after c comes after b comes after d",
      ],
    });
  });

  test("in a wide circle are told in few words", () => {
    const names = Array.from({ length: 300 }, (_, index) => `job-${index}`);
    const after = (index: number) => names[(index + 1) % names.length];
    const { jobs, found } = judged(
      Object.fromEntries(names.map((name, index) => [name, `${promote}, after: ${after(index)}`])),
    );
    expect(jobs).toEqual([]);
    expect(found[0]).toMatch(
      /: job-0 comes after job-1 comes after job-2 comes after job-3 comes after … comes after job-298 comes after job-299 comes after job-0$/,
    );
  });

  test("of another repository do not say the branch", () => {
    const { jobs, found } = judged({
      "other-build": build,
      a: `${promote}, after: other-build`,
      b: `${promote}, after: other-build, ref: main`,
    });
    expect(jobs).toEqual(["other-build", "b"]);
    expect(found).toEqual([
      "3:83 error unknown-branch: other-build is a job of another repository, so nothing says which branch of https://github.com/example/a is worked on",
    ]);
  });

  test("with a capacity that the settings do not know", () => {
    expect(judged({ a: `${build}, capacity: bg` }, { capacities: ["big"] })).toEqual({
      jobs: [],
      found: ['2:92 error unknown-capacity: there is no capacity "bg" in the settings'],
    });
  });

  test("that nothing starts are mentioned", () => {
    expect(judged({ a: promote })).toEqual({
      jobs: ["a"],
      found: ["2:1 info never-started: nothing starts it but somebody's hand"],
    });
    expect(judged({ a: "build: {dir: .}, pullRequest: {}" }).found).toEqual([
      "2:1 info never-started: no pull request starts it: nothing of what is proposed is built before it is merged",
    ]);
  });
});
