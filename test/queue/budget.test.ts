import { describe, expect, it } from "vitest";
import { SharedPace, takeRequests } from "../../src/queue/budget.ts";
import { openRequestBudget, queueMigrations } from "../../src/queue/index.ts";
import { describeDatabases } from "../support/databases.ts";

describeDatabases((databases) => {
  it("gives each request to one process alone, whoever takes how many", async () => {
    const db = await databases.open(queueMigrations);
    const other = await databases.openAgain();
    const interval = 40;
    const sizes = Array.from({ length: 20 }, (_, at) => 1 + (at % 5));
    const taken = await Promise.all(
      sizes.map(async (requests, at) => {
        const { from } = await takeRequests(
          at % 2 === 0 ? db : other,
          "registry.example",
          requests,
          interval,
        );
        return Array.from({ length: requests }, (_, one) => from + one * interval);
      }),
    );
    const times = taken.flat().sort((a, b) => a - b);
    const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    expect(times).toHaveLength(60);
    // PostgreSQL counts microseconds.
    expect(Math.min(...gaps)).toBeGreaterThan(interval - 0.01);
    const alone = await takeRequests(db, "other.example", 1, interval);
    expect(alone).toMatchObject({ wait: 0, workers: 1 });
  });

  it("has one pace for a quota, whatever run asks for it", async () => {
    const db = await databases.open(queueMigrations);
    const budget = openRequestBudget(db);
    const quota = { requests: 10, milliseconds: 1000 };
    expect(budget.paceOf("a", quota)).toBe(budget.paceOf("a", quota));
    expect(budget.paceOf("a", quota)).not.toBe(budget.paceOf("b", quota));
  });
});

describe("a shared pace", () => {
  /** A pace by a clock of the test's own, and what it asks for. */
  const paceWith = () => {
    let now = 0;
    const asked: { requests: number; interval: number; answer: (window: Window | Error) => void }[] = [];
    const problems: unknown[] = [];
    const pace = new SharedPace(
      { requests: 95, milliseconds: 1000 },
      (requests, interval) =>
        new Promise((resolve, reject) => {
          const answer = (window: Window | Error) =>
            window instanceof Error ? reject(window) : resolve(window);
          asked.push({ requests, interval, answer });
        }),
      { now: () => now, onProblem: (problem) => problems.push(problem) },
    );
    /** Answers what it asked for last, and waits until that has arrived. */
    const answer = async (window: Window | Error) => {
      asked.at(-1)?.answer(window);
      await new Promise((resolve) => setImmediate(resolve));
    };
    return { pace, asked, problems, answer, at: (time: number) => (now = time) };
  };
  interface Window {
    readonly wait: number;
    readonly workers: number;
  }

  it("sends what it has taken, evenly spread, and takes more in time", async () => {
    const { pace, asked, answer } = paceWith();
    expect(pace.wait(0)).toBeGreaterThan(0);
    expect(pace.wait(0)).toBeGreaterThan(0);
    expect(asked).toHaveLength(1);
    const [{ requests, interval } = { requests: 0, interval: 0 }] = asked;
    // A twentieth is kept back, for requests that are late.
    expect(interval).toBeCloseTo(1000 / (95 * 0.95));
    expect(requests).toBe(22);
    await answer({ wait: 30, workers: 2 });
    expect(pace.wait(0)).toBe(30);
    expect(pace.wait(30)).toBe(0);
    pace.take(30);
    expect(pace.wait(30)).toBeCloseTo(interval);
    for (let sent = 1; sent < 12; sent += 1) pace.take(30 + sent * interval);
    expect(asked).toHaveLength(2);
  });

  it("gives up what was not used in its time", async () => {
    const { pace, asked, answer } = paceWith();
    pace.wait(0);
    await answer({ wait: 0, workers: 1 });
    expect(pace.wait(45)).toBe(0);
    // Of 22 requests within 233 ms, those before 450 ms are gone: all of them.
    expect(pace.wait(500)).toBeGreaterThan(0);
    expect(asked).toHaveLength(2);
  });

  it("keeps to its share while the database is away", async () => {
    const { pace, asked, answer, problems, at } = paceWith();
    pace.wait(0);
    await answer({ wait: 0, workers: 4 });
    at(1000);
    expect(pace.wait(1000)).toBeGreaterThan(0);
    const failure = new Error("the database is away");
    await answer(failure);
    expect(problems).toEqual([failure]);
    expect(pace.wait(1000)).toBe(0);
    pace.take(1000);
    expect(pace.wait(1000)).toBeCloseTo(4 * (asked[0]?.interval ?? 0));
  });

  it("asks once at a time", async () => {
    const { pace, asked, answer } = paceWith();
    pace.wait(0);
    pace.wait(1);
    expect(asked).toHaveLength(1);
    await answer({ wait: 0, workers: 1 });
    expect(pace.wait(0)).toBe(0);
    expect(asked).toHaveLength(1);
  });
});
