import { getEventListeners } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { untilAborted } from "../../src/http/until-aborted.ts";

const never = (): Promise<never> => new Promise(() => {});

describe("what is done until a signal is given", () => {
  it("ends all together when it is, after who is told of it", async () => {
    const ending = new AbortController();
    const told: string[] = [];
    const until = untilAborted(ending.signal, () => told.push("given"));
    const asked = [
      until(never).catch((error: unknown) => told.push(`${error}`)),
      until(never, () => "a reason of its own").catch((error: unknown) => told.push(`${error}`)),
    ];
    expect(await until(async () => 1)).toBe(1);
    await expect(until(() => Promise.reject(new Error("no answer")))).rejects.toThrow("no answer");
    ending.abort("enough");
    await Promise.all(asked);
    expect(told).toEqual(["given", "enough", "a reason of its own"]);
  });

  it("is not begun after that", async () => {
    const given = vi.fn();
    const start = vi.fn(never);
    await expect(untilAborted(AbortSignal.abort("enough"), given)(start)).rejects.toBe("enough");
    expect(given).toHaveBeenCalledOnce();
    expect(start).not.toHaveBeenCalled();
  });

  it("costs the signal no listener, however much is under way and however many give it up", () => {
    const listening = vi.spyOn(EventTarget.prototype, "addEventListener");
    const { signal } = new AbortController();
    for (let origin = 0; origin < 20; origin += 1) {
      const until = untilAborted(signal, () => {});
      for (let request = 0; request < 100; request += 1) void until(never);
    }
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(listening.mock.contexts.filter((target) => target instanceof AbortSignal)).toHaveLength(20);
    listening.mockRestore();
  });
});
