import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { commitTime, defaultTiming } from "../../src/http/timing.ts";
import { digestOf, mediaTypes, parseTag } from "../../src/oci/index.ts";
import { type ClientOptions, openScripted } from "../support/registry-client.ts";
import { answer, type Script } from "../support/scripted-server.ts";

const v1 = parseTag("v1");
const bytes = randomBytes(1_200_000);
const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length };

const drips = new Set<NodeJS.Timeout>();
afterEach(async () => {
  for (const drip of drips) clearInterval(drip);
  drips.clear();
});

async function open(script: Script, options: ClientOptions = {}) {
  const { server, ...client } = await openScripted(script, options);
  const asked = (method: string) => server.seen.filter((request) => request.method === method).length;
  return { ...client, asked };
}

/** Never stops sending, and never gets anywhere. */
function dripping(response: ServerResponse, write: () => unknown): void {
  const drip = setInterval(write, 20);
  drips.add(drip);
  response.once("close", () => clearInterval(drip));
}

function dripBody(response: ServerResponse, type: string = mediaTypes.ociIndex): void {
  response.writeHead(200, { "content-length": `${bytes.length}`, "content-type": type });
  dripping(response, () => response.write("x"));
}

/** So that a byte every few milliseconds is far too slow. */
const hasty = { measure: 100, minRate: 1_000_000, silence: 20 };

describe("an answer that drips", () => {
  it("is given up when it is a manifest", async () => {
    const { repository, asked, faults } = await open((_, response) => dripBody(response), { timing: hasty });
    await expect(repository().fetch(v1)).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("too slowly"),
    });
    expect(asked("GET")).toBe(3);
    expect(faults()).toEqual(["timeout", "timeout"]);
  });

  it("is given up when it is a blob, although each attempt brings something", async () => {
    const { repository, asked } = await open((_, response) => dripBody(response), { timing: hasty });
    const reading = (async () => {
      for await (const _ of await repository().open(blob)) {
        // What comes is not enough.
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "timeout" });
    expect(asked("GET")).toBe(3);
  });

  it("is given up when it is a token", async () => {
    const script: Script = (request, response, url) => {
      if (url.pathname === "/token") return dripBody(response);
      answer(response, 401, { "www-authenticate": `Bearer realm="http://${request.headers.host}/token"` });
    };
    const { repository } = await open(script, { timing: hasty });
    await expect(repository().fetch(v1)).rejects.toMatchObject({ code: "timeout" });
  });

  it("is given up in its headers", async () => {
    const script: Script = ({ socket }, response) => {
      socket.write("HTTP/1.1 200 OK\r\nx-slow: ");
      dripping(response, () => socket.writable && socket.write("x"));
    };
    const { repository, asked } = await open(script, { timing: { answer: 60 } });
    await expect(repository().fetch(v1)).rejects.toMatchObject({ code: "timeout" });
    expect(asked("GET")).toBeLessThanOrEqual(3);
  });

  it("is given up as a whole, however fast it is", async () => {
    const timing = { whole: 60, minRate: 0 };
    const { repository } = await open((_, response) => dripBody(response), { timing });
    await expect(repository().fetch(v1)).rejects.toMatchObject({ code: "timeout" });
  });

  it("is said to be waited for, by one for all", async () => {
    const { repository, unanswered } = await open((_, response) => dripBody(response), {
      timing: { ...hasty, silence: 60_000 },
      settings: { retries: 0 },
    });
    await Promise.allSettled([repository().fetch(v1), repository().fetch(v1), repository().fetch(v1)]);
    expect(unanswered()).toMatchObject([{ kind: "manifest-get" }]);
  });
});

describe("a body that is slow and honest", () => {
  it("arrives, though it takes longer than its rate is measured in", async () => {
    const script: Script = (_, response) => {
      response.writeHead(200, { "content-length": `${bytes.length}` });
      let sent = 0;
      dripping(response, () => {
        if (sent >= bytes.length) response.end();
        else response.write(bytes.subarray(sent, sent + 20_000));
        sent += 20_000;
      });
    };
    const { repository, retries } = await open(script, { timing: { measure: 800, minRate: 1 } });
    const chunks: Buffer[] = [];
    for await (const chunk of await repository().open(blob)) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    expect(retries()).toEqual([]);
  });

  it("is not blamed for a reader that takes its time", async () => {
    const large = randomBytes(6_000_000);
    const whole = { mediaType: mediaTypes.ociLayer, digest: digestOf(large), size: large.length };
    const { repository, retries } = await open((_, response) => answer(response, 200, {}, large), {
      timing: { measure: 500, minRate: 1 },
    });
    const chunks: Buffer[] = [];
    for await (const chunk of await repository().open(whole)) {
      if (chunks.length === 0) await sleep(1200);
      chunks.push(chunk);
    }
    expect(Buffer.concat(chunks).equals(large)).toBe(true);
    expect(retries()).toEqual([]);
  });
});

describe("an upload that is swallowed", () => {
  const swallowing: Script = (request, response) => {
    if (request.method === "POST") return answer(response, 202, { location: "/v2/u" });
    if (request.method === "HEAD") return answer(response, 404);
    if (request.method === "DELETE") return answer(response, 204);
    if (request.method === "GET") return answer(response, 404);
    request.resume();
  };
  const content = async () => Readable.from([bytes]);

  it.each([
    ["whole", {}, "PUT"],
    ["in one chunk", { upload: "one-patch" }, "PATCH"],
    ["in several chunks", { chunkBytes: 500_000 }, "PATCH"],
  ] as const)(
    "and never answered is given up, and said to be waited for (%s)",
    async (_, settings, method) => {
      const timing = { commit: 100, silence: 20 };
      const { repository, asked, unanswered } = await open(swallowing, { settings, timing });
      await expect(repository().push(blob, content)).rejects.toMatchObject({ code: "timeout" });
      expect(asked(method)).toBe(3);
      expect(unanswered().map(({ kind }) => kind)).toContain("upload-data");
    },
  );

  it("is waited for as long as its bytes may take to be put in their place", () => {
    const minutes = (size: number) => commitTime(defaultTiming, size) / 60_000;
    expect(minutes(0)).toBe(1);
    expect(minutes(2 ** 20)).toBeLessThan(1.1);
    expect(minutes(2 ** 40)).toBe(10);
  });
});
