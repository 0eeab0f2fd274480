import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FanOut, type FanOutOptions, windowBytes } from "../../src/copy/fan-out.ts";
import { digestOf, mediaTypes } from "../../src/oci/index.ts";

const piece = 64 * 1024;

function fanOutOf(
  bytes: Buffer,
  source: Readable,
  options: Partial<FanOutOptions<string>> = {},
): FanOut<string> {
  const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length };
  return new FanOut(source, {
    blob,
    rest: async (offset) => Readable.from(pieces(bytes.subarray(offset))),
    onBytes: () => {},
    ...options,
  });
}

function* pieces(bytes: Buffer, size = piece): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Reads a piece, then lets time pass, as a connection does. */
async function readSlowly(stream: Readable, milliseconds: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    stream.pause();
    setTimeout(() => stream.resume(), milliseconds);
  });
  await once(stream, "end");
  return Buffer.concat(chunks);
}

async function untilLate(fanOut: FanOut<string>): Promise<readonly string[]> {
  for (;;) {
    const late = fanOut.late();
    if (late.length > 0) return late;
    await sleep(5);
  }
}

describe("one stream to several readers", () => {
  test("gives each of them all bytes, whatever the pieces", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 4000 }),
        fc.integer({ min: 1, max: 700 }),
        fc.integer({ min: 1, max: 6 }),
        async (content, size, readers) => {
          const bytes = Buffer.from(content);
          const fanOut = fanOutOf(bytes, Readable.from(pieces(bytes, size), { objectMode: false }));
          const members = Array.from({ length: readers }, (_, at) => fanOut.join(`${at}`));
          const [results] = await Promise.all([Promise.all(members.map(read)), fanOut.start()]);
          for (const result of results) expect(result.equals(bytes)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("lets bytes leave to all while the source is still sending", async () => {
    const source = new PassThrough();
    const fanOut = fanOutOf(Buffer.from("begin"), source);
    const members = [fanOut.join("a"), fanOut.join("b"), fanOut.join("c")];
    const ended = fanOut.start();
    source.write("begin");
    const first = await Promise.all(members.map(async (member) => (await once(member, "data"))[0]));
    expect(first.map(String)).toEqual(["begin", "begin", "begin"]);
    source.end();
    await Promise.all([ended, ...members.map((member) => once(member, "end"))]);
  });

  test("holds no more than its window, however slowly all of them read", async () => {
    const bytes = randomBytes(4 * windowBytes);
    let given = 0;
    function* counted(): Generator<Buffer> {
      for (const chunk of pieces(bytes)) {
        given += chunk.length;
        yield chunk;
      }
    }
    const fanOut = fanOutOf(bytes, Readable.from(counted(), { highWaterMark: 1 }));
    const member = fanOut.join("d");
    const ended = fanOut.start();
    let taken = 0;
    let most = 0;
    for await (const chunk of member) {
      taken += chunk.length;
      most = Math.max(most, given - taken);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await ended;
    expect(taken).toBe(bytes.length);
    expect(most).toBeLessThan(windowBytes + 4 * piece);
  });

  test("goes on without one that fails, and without waiting for it", async () => {
    const bytes = randomBytes(3 * windowBytes);
    const fanOut = fanOutOf(bytes, Readable.from(pieces(bytes)));
    const [failing, ...others] = [fanOut.join("e"), fanOut.join("f"), fanOut.join("g")];
    failing?.once("data", () => failing.destroy(new Error("the connection broke")));
    const [results] = await Promise.all([Promise.all(others.map(read)), fanOut.start()]);
    for (const result of results) expect(result.equals(bytes)).toBe(true);
    expect(failing?.errored).toMatchObject({ message: "the connection broke" });
  });

  test("gives the rest to one that leaves from where the group was, none of it twice", async () => {
    const bytes = randomBytes(3 * windowBytes);
    const offsets: number[] = [];
    const fanOut = fanOutOf(bytes, Readable.from(pieces(bytes)), {
      rest: async (offset) => {
        offsets.push(offset);
        return Readable.from(pieces(bytes.subarray(offset)));
      },
    });
    const [slow, ...fast] = [fanOut.join("slow"), fanOut.join("b"), fanOut.join("c")];
    if (slow === undefined) throw new Error("nobody is slow");
    // One piece, and no more before it is called late.
    const slowly: Buffer[] = [];
    let isLate = false;
    slow.on("data", (chunk: Buffer) => {
      slowly.push(chunk);
      if (!isLate) slow.pause();
    });
    const ended = once(slow, "end");
    const late = untilLate(fanOut).then((names) => {
      fanOut.leave(names);
      isLate = true;
      slow.resume();
      return names;
    });
    const [results] = await Promise.all([Promise.all(fast.map(read)), fanOut.start()]);
    for (const result of results) expect(result.equals(bytes)).toBe(true);
    expect(await late).toEqual(["slow"]);
    await ended;
    expect(Buffer.concat(slowly).equals(bytes)).toBe(true);
    expect(offsets).toHaveLength(1);
    expect(offsets[0]).toBeGreaterThanOrEqual(windowBytes);
  });

  test("calls nobody late for whom only a few wait", async () => {
    const bytes = randomBytes(3 * windowBytes);
    const fanOut = fanOutOf(bytes, Readable.from(pieces(bytes)));
    const slow = [fanOut.join("h"), fanOut.join("i"), fanOut.join("j")];
    const fast = [fanOut.join("k"), fanOut.join("l")];
    const late: number[] = [];
    const watch = setInterval(() => late.push(fanOut.late().length), 5);
    const [results] = await Promise.all([
      Promise.all([...slow.map((member) => readSlowly(member, 3)), ...fast.map(read)]),
      fanOut.start(),
    ]);
    clearInterval(watch);
    for (const result of results) expect(result.equals(bytes)).toBe(true);
    expect(Math.max(...late)).toBe(0);
  });

  test("gives what it has kept to one that comes back, and goes on from there without reading it again", async () => {
    const bytes = randomBytes(3 * windowBytes);
    let given = 0;
    function* counted(): Generator<Buffer> {
      for (const chunk of pieces(bytes)) {
        given += chunk.length;
        yield chunk;
      }
    }
    const fanOut = fanOutOf(bytes, Readable.from(counted(), { highWaterMark: 1 }), { kept: windowBytes });
    const broken = fanOut.join("m");
    const ended = fanOut.start();
    let taken = 0;
    for await (const chunk of broken) {
      taken += chunk.length;
      if (taken >= 2 * windowBytes) break;
    }
    const from = taken - windowBytes / 2;
    const again = fanOut.rejoin("a", from);
    if (again === undefined) throw new Error("nothing was kept");
    const [rest] = await Promise.all([read(again), ended]);
    expect(rest.equals(bytes.subarray(from))).toBe(true);
    expect(given).toBe(bytes.length);
    const last = fanOut.rejoin("a", bytes.length - 10);
    if (last === undefined) throw new Error("nothing was kept");
    expect((await read(last)).equals(bytes.subarray(-10))).toBe(true);
    expect(fanOut.rejoin("a", 0)).toBeUndefined();
    expect(fanOut.rejoin("a", bytes.length - 10)).toBeUndefined();
  });

  test("fails all of them when the source fails, and ends the source when nobody is left", async () => {
    const failing = new PassThrough();
    const fanOut = fanOutOf(Buffer.from("x"), failing);
    const members = [fanOut.join("n"), fanOut.join("o")];
    const ended = fanOut.start();
    const outcomes = Promise.allSettled(members.map(read));
    failing.destroy(new Error("the source broke"));
    await ended;
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { message: "the source broke" } });
    }
    const unwanted = new PassThrough();
    const abandoned = fanOutOf(Buffer.from("x"), unwanted);
    const only = abandoned.join("p");
    const over = abandoned.start();
    only.destroy();
    await over;
    expect(unwanted.destroyed).toBe(true);
  });
});
