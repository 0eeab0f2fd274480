import { describe, expect, it } from "vitest";
import { Limiter, type Release, Strain } from "../../src/http/rate/limiter.ts";
import type { RequestKind } from "../../src/registry/events.ts";
import { kinds } from "../../src/registry/host/kinds.ts";

const limiterOf = (limit: number, now?: () => number) => new Limiter({ limit, kinds }, now);

/** Permits that are taken and given back by hand, in the order in which they were granted. */
function desk(limiter: Limiter<RequestKind>) {
  const granted: { name: string; release: Release }[] = [];
  const settled = async () => {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  const keep = (name: string) => (release: Release) => void granted.push({ name, release });
  return {
    ask: async (name: string, kind: RequestKind | "upload", times = 1) => {
      for (let time = 0; time < times; time += 1) {
        const permit = kind === "upload" ? limiter.upload("upload-data") : limiter.request(kind);
        void permit.then(keep(name));
      }
      await settled();
    },
    names: () => granted.map(({ name }) => name),
    giveBack: async (times = 1) => {
      for (const { release } of granted.splice(0, times)) {
        release();
        release();
      }
      await settled();
    },
  };
}

describe("the permits of a host", () => {
  it("are given in the order of asking, each once", async () => {
    const permits = desk(limiterOf(2));
    for (const name of ["a", "b", "c", "d", "e"]) await permits.ask(name, "blob-get");
    expect(permits.names()).toEqual(["a", "b"]);
    await permits.giveBack();
    expect(permits.names()).toEqual(["b", "c"]);
    await permits.giveBack(2);
    expect(permits.names()).toEqual(["d", "e"]);
  });

  it.each([1, 2, 3, 16, 64])("leave one for reading, however many uploads there are (%i)", async (limit) => {
    const permits = desk(limiterOf(limit));
    await permits.ask("upload", "upload", 200);
    expect(permits.names().length).toBeLessThanOrEqual(Math.max(1, limit - 1));
    await permits.ask("reading", "blob-get");
    expect(permits.names()).toContain("reading");
  });

  it("are sixteen for each operation at first, and more while answers come as fast as before", async () => {
    const limiter = limiterOf(64);
    const permits = desk(limiter);
    await permits.ask("reading", "manifest-get", 200);
    expect(permits.names()).toHaveLength(16);
    for (let ended = 0; ended < 16; ended += 1) {
      limiter.observe({ kind: "manifest-get", status: 200, sent: 0, milliseconds: 80 });
      await permits.giveBack();
    }
    expect(permits.names()).toHaveLength(32);
    expect(limiter.widthOf("blob-write")).toBe(16);
  });

  it("are never more than the limit, of all operations together", async () => {
    const permits = desk(limiterOf(40));
    await permits.ask("manifest", "manifest-get", 30);
    await permits.ask("upload", "upload", 30);
    await permits.ask("blob", "blob-get", 30);
    expect(permits.names()).toHaveLength(40);
  });

  it("go to tag checks and puts before hundreds of others that asked earlier", async () => {
    const permits = desk(limiterOf(4));
    await permits.ask("blob", "blob-get", 300);
    await permits.ask("check", "resolve");
    await permits.ask("put", "manifest-put");
    await permits.giveBack(2);
    expect(permits.names()).toEqual(["blob", "blob", "check", "put"]);
  });

  it("go first of all to who had one before, and was refused", async () => {
    const limiter = limiterOf(1);
    const permits = desk(limiter);
    await permits.ask("first", "manifest-get");
    await permits.ask("put", "manifest-put", 5);
    const again = limiter.request("manifest-get", true);
    await permits.giveBack();
    expect(permits.names()).toEqual([]);
    (await again)();
  });

  it("go to who has waited long, although puts go on coming", async () => {
    const permits = desk(limiterOf(1));
    await permits.ask("first", "manifest-put");
    await permits.ask("blob", "blob-get");
    await permits.ask("put", "manifest-put", 2000);
    for (let times = 0; times < 1024; times += 1) await permits.giveBack();
    expect(permits.names()).toEqual(["put"]);
    await permits.giveBack();
    expect(permits.names()).toEqual(["blob"]);
  });

  it.each([429, 503])("are halved once for a burst of %i, for its operation alone", (status) => {
    let now = 0;
    const limiter = limiterOf(64, () => now);
    const refuse = (sent: number) => limiter.observe({ kind: "manifest-put", status, sent, milliseconds: 1 });
    now = 100;
    for (let times = 0; times < 16; times += 1) refuse(times);
    expect(limiter.widthOf("manifest-write")).toBe(8);
    expect(limiter.widthOf("manifest-read")).toBe(16);
    refuse(100);
    expect(limiter.widthOf("manifest-write")).toBe(4);
  });
});

describe("the strain of a host", () => {
  it("is how much longer answers take than the fastest of their kind, jitter aside", () => {
    const strain = new Strain(kinds);
    expect(strain.of("resolve", 100)).toBe(1);
    expect(strain.of("resolve", 40)).toBe(1);
    expect(strain.of("resolve", 100)).toBe(2);
    expect(strain.of("manifest-get", 100)).toBe(1);
    expect(strain.of("blob-get", 1)).toBe(1);
    expect(strain.of("blob-get", 15)).toBeLessThan(2);
  });

  it("is not told by answers that take longer for more bytes", () => {
    const strain = new Strain(kinds);
    expect(strain.of("upload-data", 100)).toBeUndefined();
    expect(strain.of("list", 100)).toBeUndefined();
  });
});
