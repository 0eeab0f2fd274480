import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type Quota, RateLimiter } from "../../src/http/rate/rate-limiter.ts";
import { entries, rateLimitersFor } from "../../src/registry/host/quotas.ts";

/** When requests go out that are always at hand, until a time; whoever sends them is late by as much as `lateness` says. */
function departures(quota: Quota, until: number, lateness: () => number = () => 0): number[] {
  const limiter = new RateLimiter(quota);
  const times: number[] = [];
  for (let now = 0; now < until; ) {
    const wait = limiter.wait(now);
    if (wait > 0) {
      now += wait + lateness();
      continue;
    }
    limiter.take(now);
    times.push(now);
  }
  return times;
}

/** The most requests in any stretch of time that is as long as the quota's. */
function mostWithin(times: readonly number[], { milliseconds }: Quota): number {
  let first = 0;
  let most = 0;
  for (const [index, time] of times.entries()) {
    while ((times[first] ?? time) <= time - milliseconds) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

describe("a rate limiter", () => {
  test("is never above its quota, in any stretch of time, whoever is late", () => {
    const quotas = fc.record({
      requests: fc.integer({ min: 1, max: 3000 }),
      milliseconds: fc.constantFrom(1000, 60_000),
    });
    fc.assert(
      fc.property(quotas, fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1 }), (quota, delays) => {
        let turn = 0;
        const late = () => {
          turn += 1;
          return delays[turn % delays.length] ?? 0;
        };
        const times = departures(quota, 2.5 * quota.milliseconds, late);
        expect(mostWithin(times, quota)).toBeLessThanOrEqual(quota.requests);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    { requests: 83, milliseconds: 1000 },
    { requests: 5000, milliseconds: 60_000 },
    { requests: 10, milliseconds: 1000 },
    { requests: 2, milliseconds: 1000 },
  ])("makes use of nearly all of its quota: $requests in $milliseconds ms", (quota) => {
    const periods = 5;
    const sent = departures(quota, periods * quota.milliseconds, () => 1).length;
    expect(sent / (periods * quota.requests)).toBeGreaterThan(0.95);
  });

  it("begins with a burst where a quota is counted by the minute, of no more than half a second's worth", () => {
    const times = departures({ requests: 5000, milliseconds: 60_000 }, 1);
    expect(times.length).toBeGreaterThan(30);
    expect(times.length).toBeLessThanOrEqual(42);
  });

  it("spreads what there is less than one of in a second", () => {
    const times = departures({ requests: 0.5, milliseconds: 1000 }, 9000);
    expect(times.map((time) => Math.round(time / 100))).toEqual([0, 20, 41, 61, 82]);
  });
});

describe("quotas", () => {
  const kindsOf = (host: string, settings = {}) =>
    rateLimitersFor(host, settings).map(({ kinds }) => kinds?.size);

  it.each([
    ["us-central1-docker.pkg.dev", [undefined]],
    ["gcr.io", [undefined]],
    ["012345678901.dkr.ecr.eu-west-1.amazonaws.com", [2, 1, 1]],
    ["public.ecr.aws", [2, 1, 1]],
    ["ghcr.io", [7, undefined]],
    ["docker.io", []],
    ["quay.io", []],
    ["team.azurecr.io", []],
    ["registry.gitlab.com", []],
    ["localhost:5000", []],
  ])("are known of %s", (host, kinds) => {
    expect(kindsOf(host)).toEqual(kinds);
  });

  it("are the user's, where there are any in the settings", () => {
    const [only, ...others] = rateLimitersFor("ghcr.io", { requestsPerSecond: 7 });
    expect(others).toEqual([]);
    expect(only?.kinds).toBeUndefined();
    only?.limiter.take(0);
    expect(only?.limiter.wait(0)).toBeCloseTo(1000 / (7 * 0.98));
  });

  it("are each written somewhere, and were read on a day", () => {
    for (const { sources, read } of entries) {
      expect(Date.parse(read)).not.toBeNaN();
      for (const source of sources) expect(new URL(source).protocol).toBe("https:");
    }
  });
});
