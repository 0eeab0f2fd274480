import { describe, expect, test } from "vitest";
import { createGate } from "../../src/registry-server/manifest-store.ts";

/** Work that ends when it is told to, and writes down when it starts and ends. */
function workbench() {
  const log: string[] = [];
  const work = (name: string) => {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const run = async () => {
      log.push(`${name} starts`);
      await ended;
      log.push(`${name} ends`);
      return name;
    };
    return { run, end };
  };
  return { log, work };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("gate", () => {
  test("shared work runs together, exclusive work alone, in the order of asking", async () => {
    const { log, work } = workbench();
    const gate = createGate();
    const [one, two, alone, late] = [work("one"), work("two"), work("alone"), work("late")];
    const all = [
      gate.shared(one.run),
      gate.shared(two.run),
      gate.exclusive(alone.run),
      gate.shared(late.run),
    ];
    await settle();
    expect(log).toEqual(["one starts", "two starts"]);
    one.end();
    await settle();
    expect(log).toEqual(["one starts", "two starts", "one ends"]);
    two.end();
    await settle();
    expect(log.slice(3)).toEqual(["two ends", "alone starts"]);
    alone.end();
    await settle();
    expect(log.slice(5)).toEqual(["alone ends", "late starts"]);
    late.end();
    expect(await Promise.all(all)).toEqual(["one", "two", "alone", "late"]);
  });

  test("work that fails lets the next in, and its failure out", async () => {
    const gate = createGate();
    const fail = () => Promise.reject(new Error("no"));
    const failures = [gate.shared(fail), gate.exclusive(fail)];
    await expect(gate.exclusive(async () => "in")).resolves.toBe("in");
    for (const failure of failures) await expect(failure).rejects.toThrow("no");
    await expect(gate.shared(async () => "in")).resolves.toBe("in");
  });
});
