import { expect, test } from "vitest";
import { renewed } from "../../src/clouds/token.ts";

/** Tokens one after another, each good for a while, by a clock of the test's own. */
function tokens(life: number) {
  const clock = { now: 1_000_000 };
  const world = { isAway: false, asked: 0, refusals: [] as boolean[] };
  const get = renewed<string>(
    async (isRefused) => {
      world.refusals.push(isRefused);
      if (world.isAway) throw new Error("away");
      world.asked += 1;
      return { value: `token-${world.asked}`, life, source: "a test" };
    },
    () => clock.now,
  );
  return { get, clock, world };
}
const minute = 60_000;

test("is asked for once by all who need it at the same time", async () => {
  const { get, world } = tokens(60 * minute);
  const all = await Promise.all([get(), get(), get()]);
  expect(new Set(all.map(({ value }) => value))).toEqual(new Set(["token-1"]));
  expect(await get()).toEqual({ value: "token-1", source: "a test" });
  expect(world.asked).toBe(1);
});

test("is asked for anew shortly before it ends", async () => {
  const { get, clock } = tokens(60 * minute);
  await get();
  clock.now += 56 * minute;
  expect(await get()).toMatchObject({ value: "token-1" });
  clock.now += 2 * minute;
  expect(await get()).toMatchObject({ value: "token-2" });
});

test("that lives shortly is used for half its life", async () => {
  const { get, clock } = tokens(2 * minute);
  await get();
  clock.now += minute - 1;
  expect(await get()).toMatchObject({ value: "token-1" });
  clock.now += 1;
  expect(await get()).toMatchObject({ value: "token-2" });
});

test("is used to its end where no other one can be had", async () => {
  const { get, clock, world } = tokens(60 * minute);
  await get();
  world.isAway = true;
  clock.now += 58 * minute;
  expect(await get()).toMatchObject({ value: "token-1" });
  expect(await get()).toMatchObject({ value: "token-1" });
  expect(world.refusals).toHaveLength(2);
  clock.now += 2 * minute;
  await expect(get()).rejects.toThrow("away");
  world.isAway = false;
  expect(await get()).toMatchObject({ value: "token-2" });
});

test("that was refused is given up, once for all who saw it refused", async () => {
  const { get, world } = tokens(60 * minute);
  await get();
  const [one, other] = await Promise.all([get("token-1"), get("token-1")]);
  expect([one.value, other.value]).toEqual(["token-2", "token-2"]);
  expect(await get("token-1")).toMatchObject({ value: "token-2" });
  expect(world.refusals).toEqual([false, true]);
});
