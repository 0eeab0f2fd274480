import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type Descriptor, digestOf, mediaTypes, parseDigest } from "../../src/oci/index.ts";
import { RegistryError } from "../../src/registry/errors.ts";
import { Portions } from "../../src/registry/remote/upload-attempts.ts";
import { verifiedStream } from "../../src/registry/remote/verified-stream.ts";
import { openScripted as open } from "../support/registry-client.ts";
import { afterBody, answer, type Script } from "../support/scripted-server.ts";

const blobOf = (bytes: Uint8Array): Descriptor => ({
  mediaType: mediaTypes.ociLayer,
  digest: digestOf(bytes),
  size: bytes.length,
});

async function read(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Cuts bytes at random places. */
const pieces = fc
  .tuple(fc.uint8Array({ minLength: 0, maxLength: 500 }), fc.array(fc.nat(500), { maxLength: 8 }))
  .map(([bytes, cuts]) => {
    const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
    const parts = places.slice(1).map((end, index) => Buffer.from(bytes.subarray(places[index], end)));
    return { bytes: Buffer.from(bytes), parts: parts.filter((part) => part.length > 0) };
  });

/** Pieces with time between them, and before the end: what was given too early has been read by then. */
async function* unhurried(parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const part of parts) {
    yield part;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const verify = { where: "here", idle: 60_000 };

describe("a verified stream", () => {
  it("gives exactly the bytes of the blob", async () => {
    await fc.assert(
      fc.asyncProperty(pieces, async ({ bytes, parts }) => {
        expect(await read(verifiedStream(Readable.from(parts), blobOf(bytes), verify))).toEqual(bytes);
      }),
    );
  });

  it("never gives all bytes of anything else", async () => {
    await fc.assert(
      fc.asyncProperty(
        pieces,
        fc.uint8Array({ minLength: 1, maxLength: 400 }),
        async ({ parts, bytes }, other) => {
          fc.pre(!bytes.equals(other));
          const given: Buffer[] = [];
          const stream = verifiedStream(Readable.from(unhurried(parts)), blobOf(other), verify);
          const reading = (async () => {
            for await (const chunk of stream) given.push(chunk);
          })();
          await expect(reading).rejects.toThrow(RegistryError);
          expect(Buffer.concat(given).length).toBeLessThan(other.length);
        },
      ),
    );
  });

  it("is given up when nobody reads it, without ending the process", async () => {
    const bytes = randomBytes(1_000_000);
    const source = Readable.from([bytes]);
    const stream = verifiedStream(source, blobOf(bytes), { where: "here", idle: 20 });
    const outcome = new Promise((resolve) => stream.once("error", resolve));
    expect(await outcome).toMatchObject({ code: "timeout" });
    expect(source.destroyed).toBe(true);
  });

  it("goes on as long as something comes, however slowly", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const bytes = randomBytes(10);
    async function* slowly() {
      for (const byte of bytes) {
        vi.advanceTimersByTime(60);
        yield Buffer.from([byte]);
      }
    }
    const stream = verifiedStream(Readable.from(slowly()), blobOf(bytes), { where: "here", idle: 100 });
    expect(await read(stream)).toEqual(bytes);
  });
});

describe("portions of a stream", () => {
  it("are of the sizes asked for, and together the stream", async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 100 }), async ({ bytes, parts }, size) => {
        const portions = new Portions(Readable.from(parts));
        const taken: Buffer[] = [];
        for (let left = bytes.length; left > 0; left -= size) {
          const portion: Uint8Array[] = [];
          for await (const piece of portions.take(size)) portion.push(piece);
          taken.push(Buffer.concat(portion));
          expect(taken.at(-1)?.length).toBe(Math.min(size, left));
        }
        expect(Buffer.concat(taken)).toEqual(bytes);
      }),
    );
  });
});

describe("a blob that is opened and forgotten", () => {
  it("gives its place back", async () => {
    const bytes = randomBytes(4_000_000);
    const { repository } = await open((_, response) => answer(response, 200, {}, bytes), {
      settings: { concurrency: 1 },
      timing: { idle: 500 },
    });
    const forgotten = await repository().open(blobOf(bytes));
    const again = await read(await repository().open(blobOf(bytes)));
    expect(again.equals(bytes)).toBe(true);
    expect(forgotten.destroyed).toBe(true);
  });
});

/** A registry that takes uploads in one piece and in chunks. */
function uploads(change: Script | undefined = undefined) {
  const received: Buffer[] = [];
  const script: Script = (request, response, url) => {
    if (request.method === "POST") return answer(response, 202, { location: "/v2/upload?state=a%2Fb~c" });
    if (request.method === "HEAD") return answer(response, 404);
    if (request.method === "DELETE") return answer(response, 204);
    if (change !== undefined && request.method !== "GET") return change(request, response, url);
    afterBody(request, (body) => {
      received.push(body);
      const next = `/v2/upload?state=${received.length}`;
      answer(response, request.method === "PATCH" ? 202 : 201, { location: next });
    });
  };
  return { script, received };
}

describe("an upload", () => {
  const bytes = randomBytes(300_000);
  const content = async () => Readable.from([bytes.subarray(0, 100_000), bytes.subarray(100_000)]);

  it("leaves what the registry wrote into the address as it is", async () => {
    const { script } = uploads();
    const { repository, server } = await open(script);
    await repository().push(blobOf(bytes), content);
    const end = server.seen.at(-1)?.url;
    expect(end).toBe(`/v2/upload?state=a%2Fb~c&digest=${encodeURIComponent(digestOf(bytes))}`);
  });

  it("in chunks says where each belongs, and needs none of them in memory", async () => {
    const { script, received } = uploads();
    const { repository, server } = await open(script, { settings: { chunkBytes: 128_000 } });
    expect(await repository().push(blobOf(bytes), content)).toBe("pushed");
    expect(server.seen.map(({ method, contentRange }) => `${method} ${contentRange ?? ""}`.trim())).toEqual([
      "POST",
      "PATCH 0-127999",
      "PATCH 128000-255999",
      "PATCH 256000-299999",
      "PUT",
    ]);
    expect(Buffer.concat(received).equals(bytes)).toBe(true);
  });

  it("takes chunks at least as large as the registry wants them", async () => {
    const { script, received } = uploads();
    const { repository } = await open(
      (request, response, url) => {
        if (request.method === "POST") response.setHeader("oci-chunk-min-length", "200000");
        script(request, response, url);
      },
      { settings: { chunkBytes: 1000 } },
    );
    await repository().push(blobOf(bytes), content);
    expect(received.map(({ length }) => length)).toEqual([200_000, 100_000, 0]);
  });

  it("in chunks begins again when one of them fails", async () => {
    let failures = 1;
    const { script, received } = uploads();
    const { repository, requests } = await open(
      (request, response, url) => {
        const isSecond = request.headers["content-range"]?.startsWith("128000-") ?? false;
        if (isSecond && failures-- > 0) {
          received.splice(0);
          return afterBody(request, () => answer(response, 503));
        }
        script(request, response, url);
      },
      { settings: { chunkBytes: 128_000 } },
    );
    expect(await repository().push(blobOf(bytes), content)).toBe("pushed");
    expect(requests().filter((kind) => kind === "upload-start")).toHaveLength(2);
    expect(Buffer.concat(received).equals(bytes)).toBe(true);
  });

  it("is not sent twice when only the answer was lost", async () => {
    const stored = new Set<string>();
    const { script } = uploads();
    const { repository, requests } = await open((request, response, url) => {
      if (request.method === "HEAD")
        return answer(response, stored.size > 0 ? 200 : 404, { "content-length": "300000" });
      if (request.method !== "PUT") return script(request, response, url);
      afterBody(request, () => {
        stored.add(url.searchParams.get("digest") ?? "");
        request.socket.destroy();
      });
    });
    let opened = 0;
    const counted = () => {
      opened += 1;
      return content();
    };
    expect(await repository().push(blobOf(bytes), counted)).toBe("pushed");
    expect(opened).toBe(1);
    expect(requests()).toEqual(["upload-start", "upload-cancel", "blob-head"]);
  });

  it("may take longer than an answer, as long as it moves", async () => {
    const { script } = uploads();
    const { repository } = await open(script, { timing: { answer: 100, idle: 1000 } });
    async function* slowly() {
      for (let at = 0; at < bytes.length; at += 20_000) {
        await sleep(25);
        yield bytes.subarray(at, at + 20_000);
      }
    }
    expect(await repository().push(blobOf(bytes), async () => Readable.from(slowly()))).toBe("pushed");
  });

  it("is given up when it stands still, and when it is never answered", async () => {
    const never: Script = (request) => void request.resume();
    const stuck: Script = (request) => void request.pause();
    const large = randomBytes(20_000_000);
    for (const [script, payload] of [
      [uploads(never).script, bytes],
      [uploads(stuck).script, large],
    ] as const) {
      const { repository } = await open(script, {
        settings: { retries: 0 },
        timing: { idle: 100, commit: 100 },
      });
      const pushing = repository().push(blobOf(payload), async () => Readable.from([...chunksOf(payload)]));
      await expect(pushing).rejects.toMatchObject({ code: "timeout" });
    }
  });

  it("in chunks is given up when a chunk is never answered", async () => {
    const { script } = uploads((request) => void request.resume());
    const options = { settings: { retries: 0, chunkBytes: 100_000 }, timing: { idle: 100, commit: 100 } };
    const { repository } = await open(script, options);
    await expect(repository().push(blobOf(bytes), content)).rejects.toMatchObject({ code: "timeout" });
  });

  it("begins again when its source breaks off, not when its source cannot be had or is wrong", async () => {
    let opened = 0;
    const { script } = uploads();
    const { repository } = await open(script);
    const breaking = async () => {
      opened += 1;
      return opened < 3 ? Readable.from([bytes.subarray(0, 1000)]) : content();
    };
    expect(await repository().push(blobOf(bytes), breaking)).toBe("pushed");
    expect(opened).toBe(3);
    const refusing = async () => {
      opened += 1;
      throw new RegistryError("unreachable", "the source has tried often enough");
    };
    await expect(repository().push(blobOf(bytes), refusing)).rejects.toThrow("often enough");
    expect(opened).toBe(4);
    const wrong = async () => {
      opened += 1;
      return Readable.from([randomBytes(bytes.length)]);
    };
    await expect(repository().push(blobOf(bytes), wrong)).rejects.toMatchObject({ code: "digest-mismatch" });
    expect(opened).toBe(5);
  });

  it("is refused when the registry says that it has something else now", async () => {
    const other = digestOf(randomBytes(10));
    const { script } = uploads((request, response) =>
      afterBody(request, () => answer(response, 201, { "docker-content-digest": other })),
    );
    const { repository } = await open(script);
    await expect(repository().push(blobOf(bytes), content)).rejects.toMatchObject({
      code: "digest-mismatch",
    });
  });

  it.each([
    ["no location", {}, "unexpected-response"],
    ["another host", { location: "https://evil.org/upload" }, "unsafe-upload-location"],
    ["a host that begins alike", { location: "http://127.0.0.1.evil.org/upload" }, "unsafe-upload-location"],
    ["another port", { location: "http://127.0.0.1:1/upload" }, "unsafe-upload-location"],
    ["another scheme", { location: "file:///upload" }, "unsafe-upload-location"],
  ])("security point 1: is not sent to %s", async (_, headers, code) => {
    const { repository, requests } = await open((__, response) => answer(response, 202, headers));
    await expect(repository().push(blobOf(bytes), content)).rejects.toMatchObject({ code });
    expect(requests()).toEqual(["upload-start"]);
  });
});

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

describe("a copy of a large blob", () => {
  it("holds only a little of it, however slow the destination is", async () => {
    const piece = randomBytes(1024 * 1024);
    const count = 256;
    const whole = { mediaType: mediaTypes.ociLayer, size: piece.length * count };
    const hash = createHash("sha256");
    for (let at = 0; at < count; at += 1) hash.update(piece);
    const blob = { ...whole, digest: parseDigest(`sha256:${hash.digest("hex")}`) };
    let sent = 0;
    let received = 0;
    let most = 0;
    const source = await open((_, response) => {
      response.writeHead(200, { "content-length": String(blob.size) });
      async function* all() {
        for (let at = 0; at < count; at += 1) {
          sent += piece.length;
          most = Math.max(most, sent - received);
          yield piece;
        }
      }
      Readable.from(all(), { highWaterMark: 1 }).pipe(response);
    });
    const { script } = uploads((request, response) => {
      request.on("data", (chunk: Buffer) => {
        received += chunk.length;
        if (received % 8 === 0) {
          request.pause();
          setImmediate(() => request.resume());
        }
      });
      request.on("end", () => answer(response, 201));
    });
    const destination = await open(script);
    await destination.repository().push(blob, () => source.repository().open(blob));
    expect(received).toBe(blob.size);
    // The buffers of the system of four sockets hold up to some 40 MiB when they are all busy.
    expect(most).toBeLessThan(64 * 1024 * 1024);
  });
});
