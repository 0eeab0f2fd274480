import { onTestFailed } from "vitest";

/** The seed that was asked for with WAYBILL_SEED, to have a test choose as it did when it failed. */
const askedSeed = process.env.WAYBILL_SEED === undefined ? undefined : Number(process.env.WAYBILL_SEED);

// Before each file: property tests say their seed themselves when they fail, and take this one.
if (askedSeed !== undefined) (await import("fast-check")).default.configureGlobal({ seed: askedSeed });

/**
 * Numbers from 0 up to 1, others each time that a test runs. One that fails says how to have the same again. Called within
 * the test.
 */
export function openRandom(): () => number {
  const seed = askedSeed ?? Math.floor(Math.random() * 2 ** 32);
  onTestFailed(({ task }) => void process.stderr.write(`WAYBILL_SEED=${seed} chose for "${task.name}"\n`));
  // Mulberry32, by Tommy Ettinger.
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
