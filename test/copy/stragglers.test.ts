import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CopyEvent } from "../../src/copy/events.ts";
import { Stragglers } from "../../src/copy/stragglers.ts";
import { parseRepository } from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { registriesWith } from "../support/world.ts";

const registries = registriesWith({});

/** Nothing is read from it, so its host need not be there. */
function destination(host: string): Repository {
  return registries.repository(parseRepository(`${host}/images`));
}

/** A group that one destination holds up while `isLate`, and what became of it. */
function groupOf(to: Repository, isLate: () => boolean) {
  const group = {
    looks: 0,
    isLeft: false,
    late: (): readonly Repository[] => {
      group.looks += 1;
      return isLate() ? [to] : [];
    },
    leave: (): void => {
      group.isLeft = true;
    },
  };
  return group;
}

describe("the stragglers of groups", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("is not held up for long by one host: once one group has left it, all others leave it at once", () => {
    const events: CopyEvent[] = [];
    const stragglers = new Stragglers((event) => events.push(event));
    const slow = destination("slow.test");
    const first = groupOf(slow, () => !first.isLeft);
    const second = groupOf(slow, () => first.isLeft);
    const ends = [stragglers.watch(first), stragglers.watch(second)];
    vi.advanceTimersByTime(500);
    expect(first.isLeft).toBe(false);
    vi.advanceTimersByTime(5_000);
    expect(first.isLeft).toBe(true);
    expect(events).toEqual([{ type: "left-behind", host: "slow.test" }]);
    expect(stragglers.isLagging(slow)).toBe(true);
    expect(stragglers.isLagging(destination("fast.test"))).toBe(false);
    expect(second.isLeft).toBe(true);
    for (const end of ends) end();
  });

  test("bears with one that others wait for now and then", () => {
    const stragglers = new Stragglers(() => {});
    const jerky = destination("jerky.test");
    const group = groupOf(jerky, () => group.looks % 4 === 0);
    stragglers.watch(group);
    vi.advanceTimersByTime(60_000);
    expect(group.looks).toBeGreaterThan(1_000);
    expect(stragglers.isLagging(jerky)).toBe(false);
  });

  test("stops looking when there are no groups, and begins again with the next", () => {
    const stragglers = new Stragglers(() => {});
    const to = destination("slow.test");
    const before = groupOf(to, () => false);
    stragglers.watch(before)();
    vi.advanceTimersByTime(1_000);
    expect(before.looks).toBe(0);
    const after = groupOf(to, () => true);
    stragglers.watch(after);
    vi.advanceTimersByTime(5_000);
    expect(after.isLeft).toBe(true);
  });
});
