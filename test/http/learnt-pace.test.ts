import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { LearntPace } from "../../src/http/rate/learnt-pace.ts";
import {
  afterRefusedRate,
  afterTakenRate,
  type LearntRate,
  rateAt,
} from "../../src/http/rate/learnt-rate.ts";

/** Whether a host takes a request that arrives at a time. */
type Host = (time: number) => boolean;

function tokenBucket(perSecond: number, capacity: number): Host {
  let tokens = capacity;
  let last = 0;
  return (time) => {
    tokens = Math.min(capacity, tokens + ((time - last) / 1000) * perSecond);
    last = time;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

function slidingWindow(requests: number, milliseconds: number): Host {
  const taken: number[] = [];
  return (time) => {
    while ((taken[0] ?? time) <= time - milliseconds) taken.shift();
    if (taken.length >= requests) return false;
    taken.push(time);
    return true;
  };
}

interface Line {
  readonly roundTrip: number;
  /** Requests at the same time. */
  readonly width: number;
  /** Milliseconds of pause that the host demands with each refusal. */
  readonly retryAfter?: number;
}

/** Sends all the time what may be sent, on a clock of its own, and counts what the host took and refused. */
function busy(
  host: Host,
  seconds: number,
  { roundTrip, width, retryAfter }: Line,
  operations: readonly string[] = ["manifest-read"],
) {
  const pace = new LearntPace();
  let flying: { operation: string; sent: number; back: number; taken: boolean }[] = [];
  let pause: { since: number; until: number } | undefined;
  const counts = { taken: 0, refused: 0 };
  for (let now = 0; now < seconds * 1000; now += 1) {
    for (const { operation, sent, back, taken } of flying) {
      if (back > now) continue;
      counts[taken ? "taken" : "refused"] += 1;
      if (taken) pace.accepted({ operation, sent }, now);
      else pace.refused({ operation, sent }, now);
      if (!taken && retryAfter !== undefined) {
        pause = { since: pause?.since ?? now, until: now + retryAfter };
      }
    }
    flying = flying.filter(({ back }) => back > now);
    if (pause !== undefined && now < pause.until) continue;
    if (pause !== undefined) pace.resume(now, now - pause.since);
    pause = undefined;
    for (const operation of operations) {
      while (flying.length < width && pace.wait(operation, now) === 0) {
        pace.take(operation, now);
        flying.push({ operation, sent: now, back: now + roundTrip, taken: host(now + roundTrip / 2) });
        if (operations.length > 1) break;
      }
    }
  }
  return counts;
}

describe("a pace that is learnt", () => {
  const near = { roundTrip: 4, width: 64 };
  const far = { roundTrip: 80, width: 64 };

  it("is none before the first refusal", () => {
    const { taken } = busy(() => true, 1, near);
    expect(taken).toBeGreaterThan(15_000);
  });

  it.each([
    ["a token bucket, near", tokenBucket(83, 83), near, 0.97],
    ["a token bucket, far", tokenBucket(83, 83), far, 0.97],
    ["a token bucket that demands pauses", tokenBucket(83, 83), { ...near, retryAfter: 1000 }, 0.97],
    ["a token bucket that demands pauses, far", tokenBucket(83, 83), { ...far, retryAfter: 1000 }, 0.97],
    ["a sliding window, near", slidingWindow(83, 1000), near, 0.95],
    ["a sliding window, far", slidingWindow(83, 1000), far, 0.95],
  ])("makes use of what %s takes, with few refusals", (_, host, line, least) => {
    const { taken, refused } = busy(host, 30, line);
    expect(taken / (30 * 83)).toBeGreaterThan(least);
    expect(refused).toBeLessThan(100);
  });

  it("is one for all operations that the host refuses", () => {
    const line = { ...near, retryAfter: 1000 };
    const { taken, refused } = busy(tokenBucket(83, 83), 30, line, [
      "manifest-read",
      "blob-read",
      "blob-write",
    ]);
    expect(taken / (30 * 83)).toBeGreaterThan(0.97);
    expect(refused).toBeLessThan(100);
  });

  it("holds nothing back that the host has not refused", () => {
    const pace = new LearntPace();
    pace.refused({ operation: "manifest-write", sent: 0 }, 10);
    expect(pace.wait("manifest-write", 10)).toBeGreaterThan(0);
    expect(pace.wait("blob-read", 10)).toBe(0);
  });

  it("follows a host that takes more by now", () => {
    const before = tokenBucket(20, 20);
    const after = tokenBucket(80, 80);
    const { taken } = busy((time) => (time < 20_000 ? before(time) : after(time)), 120, near);
    expect(taken).toBeGreaterThan(20 * 20 + 0.6 * 100 * 80);
  });

  it("takes up again where a host takes nothing more until its next minute begins", () => {
    let minute = -1;
    let left = 0;
    const host: Host = (time) => {
      if (Math.floor(time / 60_000) !== minute) {
        minute = Math.floor(time / 60_000);
        left = 3000;
      }
      left -= 1;
      return left >= 0;
    };
    const { taken, refused } = busy(host, 180, far);
    expect(taken).toBe(9000);
    expect(refused).toBeLessThan(taken / 3);
  });
});

describe("a learnt rate", () => {
  const rate = fc.record({
    ceiling: fc.double({ min: 0.5, max: 5000, noNaN: true }),
    share: fc.double({ min: 0.001, max: 0.92, noNaN: true }),
    since: fc.integer({ min: 0, max: 1_000_000 }),
    patience: fc.constantFrom(4_000, 8_000, 16_000, 32_000),
  });

  test("comes back to its ceiling and only ever grows, until the next refusal", () => {
    fc.assert(
      fc.property(rate, fc.nat(100_000), fc.nat(100_000), (known, one, other) => {
        const [early, late] = [Math.min(one, other), Math.max(one, other)];
        expect(rateAt(known, known.since + late)).toBeGreaterThanOrEqual(rateAt(known, known.since + early));
        expect(rateAt(known, known.since + known.patience)).toBeCloseTo(known.ceiling);
        expect(rateAt(known, known.since)).toBeCloseTo(Math.max(0.5, known.share * known.ceiling));
      }),
    );
  });

  test("is lower after a refusal than it was before, and never nothing", () => {
    fc.assert(
      fc.property(
        rate,
        fc.nat(60_000),
        fc.double({ min: 0, max: 9999, noNaN: true }),
        fc.boolean(),
        (known, elapsed, taken, tookSome) => {
          const now = known.since + elapsed;
          const next = afterRefusedRate(known, { now, taken, tookSome });
          expect(rateAt(next, now)).toBeGreaterThanOrEqual(0.5);
          if (tookSome) {
            expect(rateAt(next, now)).toBeLessThanOrEqual(Math.max(0.5, rateAt(known, now)));
          } else expect(next.ceiling).toBe(known.ceiling);
        },
      ),
    );
  });

  it("is tried the more seldom the more often the host has said the same", () => {
    let known: LearntRate = afterRefusedRate(undefined, { now: 0, taken: 80, tookSome: true });
    const patience = [known.patience];
    for (let now = 60_000; now < 400_000; now += 60_000) {
      known = afterRefusedRate(known, { now, taken: 81, tookSome: true });
      patience.push(known.patience);
    }
    expect(patience).toEqual([4_000, 8_000, 16_000, 32_000, 32_000, 32_000, 32_000]);
    expect(afterRefusedRate(known, { now: 500_000, taken: 40, tookSome: true }).patience).toBe(4_000);
  });

  it("is halved while the host takes nothing, and the usual again when it does", () => {
    const first = afterRefusedRate(undefined, { now: 0, taken: 80, tookSome: true });
    const nothing = afterRefusedRate(first, { now: 10, taken: 80, tookSome: false });
    expect(nothing).toEqual({ ceiling: 80, share: 0.46, since: 10, patience: 8_000 });
    expect(afterTakenRate(nothing, 500)).toEqual({ ceiling: 80, share: 0.92, since: 500, patience: 4_000 });
    expect(afterTakenRate(first, 500)).toBe(first);
  });
});
