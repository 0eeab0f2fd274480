import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RateLimiter } from "../../src/http/rate/rate-limiter.ts";
import { Turns } from "../../src/http/rate/turns.ts";
import type { RequestKind } from "../../src/registry/events.ts";
import { kinds } from "../../src/registry/host/kinds.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Who got a turn so far. */
function line(turns: Turns<RequestKind>) {
  const sent: string[] = [];
  return {
    sent,
    ask: (name: string, kind: RequestKind = "manifest-get") => {
      void turns.next(kind).then(() => sent.push(name));
    },
    passes: (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds),
  };
}

const clock = () => performance.now();
const paced = (requests: number, kinds?: readonly RequestKind[]) => ({
  kinds: kinds === undefined ? undefined : new Set(kinds),
  limiter: new RateLimiter({ requests, milliseconds: 1000 }),
});

describe("turns", () => {
  it("come at once where nothing is known of the host", async () => {
    const { ask, passes, sent } = line(new Turns(kinds, [], clock));
    for (const name of ["a", "b", "c"]) ask(name);
    await passes(0);
    expect(sent).toEqual(["a", "b", "c"]);
  });

  it("come at the pace of the host, in the order of asking", async () => {
    const { ask, passes, sent } = line(new Turns(kinds, [paced(10)], clock));
    for (const name of ["a", "b", "c", "d"]) ask(name);
    await passes(0);
    expect(sent).toEqual(["a"]);
    await passes(104);
    expect(sent).toEqual(["a", "b"]);
    await passes(208);
    expect(sent).toEqual(["a", "b", "c", "d"]);
  });

  it("come to tag checks and puts first", async () => {
    const { ask, passes, sent } = line(new Turns(kinds, [paced(10)], clock));
    for (let asked = 0; asked < 200; asked += 1) ask("blob", "blob-head");
    ask("put", "manifest-put");
    await passes(104);
    expect(sent).toEqual(["blob", "put"]);
  });

  it("are not held up by those who wait for a narrower pace", async () => {
    const { ask, passes, sent } = line(new Turns(kinds, [paced(2, ["manifest-put"])], clock));
    ask("put", "manifest-put");
    ask("put", "manifest-put");
    ask("check", "resolve");
    await passes(0);
    expect(sent).toEqual(["put", "check"]);
    await passes(520);
    expect(sent).toEqual(["put", "check", "put"]);
  });

  it("do not come during a pause, whose end everybody waits for", async () => {
    const turns = new Turns(kinds, [], clock);
    const { ask, passes, sent } = line(turns);
    expect(turns.pause(2000)).toBe(true);
    for (const name of ["a", "b"]) ask(name);
    await passes(1999);
    expect(sent).toEqual([]);
    await passes(1);
    expect(sent).toEqual(["a", "b"]);
    ask("c");
    await passes(0);
    expect(sent).toEqual(["a", "b", "c"]);
  });

  it("wait for the longest of several pauses, of which only what is new is news", async () => {
    const turns = new Turns(kinds, [], clock);
    const { ask, passes, sent } = line(turns);
    expect(turns.pause(2000)).toBe(true);
    await passes(50);
    expect([turns.pause(2000), turns.pause(500), turns.pause(30_000)]).toEqual([false, false, true]);
    ask("a");
    await passes(29_000);
    expect(sent).toEqual([]);
    await passes(1000);
    expect(sent).toEqual(["a"]);
    expect(turns.pause(2000)).toBe(true);
  });

  it("come more slowly for an operation that the host has refused, and as before for others", async () => {
    const turns = new Turns(kinds, [], clock);
    const { ask, passes, sent } = line(turns);
    for (let taken = 0; taken < 10; taken += 1) {
      turns.observe({ kind: "manifest-put", status: 201, sent: clock(), milliseconds: 0 });
    }
    turns.observe({ kind: "manifest-put", status: 429, sent: clock(), milliseconds: 0 });
    for (let asked = 0; asked < 30; asked += 1) ask("put", "manifest-put");
    ask("blob", "blob-get");
    await passes(0);
    expect(sent).toEqual(["blob"]);
    await passes(1000);
    expect(sent.length).toBeGreaterThan(8);
    expect(sent.length).toBeLessThan(13);
  });

  it("come no more once the host is closed", async () => {
    const turns = new Turns(kinds, [paced(1)], clock);
    const { ask, passes, sent } = line(turns);
    ask("a");
    ask("b");
    await passes(0);
    turns.close();
    await passes(5000);
    expect(sent).toEqual(["a"]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
