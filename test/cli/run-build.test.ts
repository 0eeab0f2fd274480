import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { timeLimit } from "../../src/cli/run-build.ts";

test("a job may have more time than timers have", async () => {
  const limits = [25, 60, 40_000].map((days) => timeLimit(days * 24 * 60 * 60));
  await sleep(20);
  expect(limits.map(({ aborted }) => aborted)).toEqual([false, false, false]);
});
