import { expect, test } from "vitest";
import { bytePace } from "../../src/promotion/verify-blobs.ts";

/** A clock that moves only when somebody waits. */
function clock() {
  let time = 0;
  const waits: number[] = [];
  const wait = async (milliseconds: number): Promise<void> => {
    waits.push(milliseconds);
    time += milliseconds;
  };
  return { waits, now: () => time, wait };
}

test("lets so many bytes come in a second, whoever reads them", async () => {
  const time = clock();
  const pace = bytePace(1000, time);
  await pace.after(500);
  await Promise.all([pace.after(250), pace.after(250)]);
  expect(time.waits).toEqual([500, 250, 250]);
  expect(time.now()).toBe(1000);
});

test("saves up nothing while nobody reads", async () => {
  const time = clock();
  const pace = bytePace(1000, time);
  await pace.after(100);
  await time.wait(60_000);
  await pace.after(1000);
  expect(time.waits).toEqual([100, 60_000, 1000]);
});

test("waits for nothing without a rate", async () => {
  const time = clock();
  await bytePace(undefined, time).after(1e9);
  expect(time.waits).toEqual([]);
});
