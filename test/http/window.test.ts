import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { afterAnswer, afterEnd, afterRefusal, openWindow, type Window } from "../../src/http/rate/window.ts";

const bounds = { start: 16, limit: 64 };

/** So many requests, each answered with this strain, that end one after the other while others wait. */
function rounds(window: Window, requests: number, strain: number | undefined, isWanted = true): Window {
  let next = window;
  for (let ended = 0; ended < requests; ended += 1) {
    if (strain !== undefined) next = afterAnswer(next, strain);
    next = afterEnd(next, bounds, isWanted);
  }
  return next;
}

describe("a window", () => {
  test("doubles in a round while nothing complains, up to its limit", () => {
    const first = rounds(openWindow(bounds), 16, 1);
    expect(first.size).toBe(32);
    expect(rounds(first, 32, 1).size).toBe(64);
    expect(rounds(first, 500, 1).size).toBe(64);
  });

  test("does not grow when nobody waits for it", () => {
    expect(rounds(openWindow(bounds), 500, 1, false).size).toBe(16);
  });

  test("stays as it is while answers take more than twice as long as they do at best", () => {
    const strained = rounds(openWindow(bounds), 16, 2.5);
    expect(strained.size).toBe(32);
    expect(rounds(strained, 500, 2.5).size).toBe(32);
  });

  test("is halved while answers take more than three times as long, but not to less than it began with", () => {
    const wide = rounds(openWindow(bounds), 48, 1);
    expect(rounds(wide, 64, 4).size).toBe(32);
    expect(rounds(wide, 1000, 4).size).toBe(16);
  });

  test("goes on growing by one a round when the strain has passed", () => {
    const strained = rounds(rounds(openWindow(bounds), 48, 1), 64, 4);
    const eased = rounds(strained, 32, 1);
    expect(Math.floor(eased.size)).toBe(32);
    expect(Math.floor(rounds(eased, 33, 1).size)).toBe(33);
  });

  test("takes no notice of a few slow answers in a round", () => {
    const some = afterAnswer(afterAnswer(openWindow(bounds), 9), 1);
    expect(rounds(some, 16, 9).growing).toBe(true);
  });

  test("is halved once by a burst of refusals, and again by the next one", () => {
    const once = afterRefusal(openWindow(bounds), 5, 10);
    expect(once.size).toBe(8);
    expect(afterRefusal(once, 6, 11)).toBe(once);
    expect(afterRefusal(once, 9, 30)).toBe(once);
    expect(afterRefusal(once, 12, 31).size).toBe(4);
  });

  test("grows by one a round after a refusal", () => {
    const halved = afterRefusal(openWindow(bounds), 5, 10);
    expect(Math.floor(rounds(halved, 9, 1).size)).toBe(9);
  });

  test("is never empty, never beyond its limit, and never without a round to end, whatever comes", () => {
    const event = fc.oneof(
      fc.record({
        type: fc.constant("answer" as const),
        strain: fc.double({ min: 1, max: 50, noNaN: true }),
      }),
      fc.record({ type: fc.constant("end" as const), isWanted: fc.boolean() }),
      fc.record({ type: fc.constant("refusal" as const), age: fc.nat(100) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.array(event, { maxLength: 300 }), (limit, events) => {
        const narrow = { start: Math.min(16, limit), limit };
        let window = openWindow(narrow);
        for (const [now, happened] of events.entries()) {
          if (happened.type === "answer") window = afterAnswer(window, happened.strain);
          else if (happened.type === "end") window = afterEnd(window, narrow, happened.isWanted);
          else window = afterRefusal(window, now - happened.age, now);
          expect(window.size).toBeGreaterThanOrEqual(1);
          expect(window.size).toBeLessThanOrEqual(limit);
          expect(window.left).toBeGreaterThan(0);
        }
      }),
    );
  });

  test("is as wide after strain alone as at the start, or wider", () => {
    const strains = fc.array(fc.double({ min: 1, max: 50, noNaN: true }), { maxLength: 400 });
    fc.assert(
      fc.property(strains, (all) => {
        let window = openWindow(bounds);
        for (const strain of all) window = afterEnd(afterAnswer(window, strain), bounds, true);
        expect(window.size).toBeGreaterThanOrEqual(bounds.start);
      }),
    );
  });
});
