import { describe, expect, it } from "vitest";
import { type Descriptor, digestOf } from "../../src/oci/index.ts";
import { openScripted } from "../support/registry-client.ts";
import { answer, type Script, serve } from "../support/scripted-server.ts";

async function open(script: Script) {
  const { server, ...client } = await openScripted(script);
  const asked = () =>
    server.seen.map(({ method, range }) => (range === undefined ? method : `${method} ${range}`));
  return { repository: client.repository(), asked };
}

const blobOf = (size: number, name = "x"): Descriptor => ({
  mediaType: "application/octet-stream",
  digest: digestOf(Buffer.from(name)),
  size,
});

/** A registry that has a blob of so many bytes, and gives parts. */
const giving =
  (size: number): Script =>
  ({ headers, method }, response) => {
    if (method === "HEAD") answer(response, 200, { "content-length": `${size}` });
    else if (headers.range === undefined) answer(response, 200, {}, Buffer.alloc(size));
    else answer(response, 206, { "content-range": `bytes 0-0/${size}` }, "x");
  };

/** A registry that gives no parts, and of a large blob not more than it is read. */
const givingAll =
  (size: number, sent: { bytes: number }): Script =>
  ({ method }, response) => {
    response.writeHead(200, { "content-length": String(size) });
    if (method === "HEAD") return void response.end();
    const more = (): void => {
      while (sent.bytes < size && !response.destroyed) {
        const chunk = Buffer.alloc(Math.min(64 * 1024, size - sent.bytes));
        sent.bytes += chunk.length;
        if (!response.write(chunk)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  };

describe("whether a blob can be had", () => {
  it("takes one request, for one byte", async () => {
    const { repository, asked } = await open(giving(5_000_000));
    expect(await repository.probe(blobOf(5_000_000))).toBe("read");
    expect(asked()).toEqual(["GET bytes=0-0"]);
  });

  it("asks for an empty blob without a part, which there is none of", async () => {
    const { repository, asked } = await open(giving(0));
    expect(await repository.probe(blobOf(0))).toBe("read");
    expect(asked()).toEqual(["GET"]);
  });

  it.each([1000, 400_000_000])(
    "takes one request of a registry that knows no parts (%d bytes)",
    async (size) => {
      const sent = { bytes: 0 };
      const { repository, asked } = await open(givingAll(size, sent));
      expect(await repository.probe(blobOf(size))).toBe("read");
      expect(asked()).toEqual(["GET bytes=0-0"]);
      expect(sent.bytes).toBeLessThan(50_000_000);
    },
  );

  it.each([
    ["a part", giving(8)],
    ["all of it", givingAll(8, { bytes: 0 })],
    ["no part, of a smaller one", (_, response) => answer(response, 416, { "content-range": "bytes */0" })],
  ] satisfies [string, Script][])("finds another size where it gets %s", async (_, script) => {
    const { repository } = await open(script);
    await expect(repository.probe(blobOf(7))).rejects.toMatchObject({ code: "size-mismatch" });
  });

  it("tells a blob that is withheld from one that is absent", async () => {
    const lost = await open(({ method }, response) => answer(response, method === "HEAD" ? 200 : 404));
    expect(await lost.repository.probe(blobOf(0))).toBe("withheld");
    const none = await open((_, response) => answer(response, 404));
    expect(await none.repository.probe(blobOf(7))).toBe("absent");
  });

  it("knows nothing where a page says that nothing is found, or where a body breaks off", async () => {
    const page = await open((_, response) =>
      answer(response, 404, { "content-type": "text/html" }, "<html>"),
    );
    await expect(page.repository.probe(blobOf(7))).rejects.toThrow();
    const broken = await open((_, response) => {
      response.writeHead(206, { "content-range": "bytes 0-0/7", "content-length": "1" });
      response.flushHeaders();
      response.destroy();
    });
    await expect(broken.repository.probe(blobOf(7))).rejects.toMatchObject({
      code: "truncated",
    });
  });

  it.each([400, 405, 416, 501])(
    "reads the beginning of all of it where parts are refused with %d",
    async (status) => {
      const { repository, asked } = await open(({ method, headers }, response) => {
        if (headers.range !== undefined) return answer(response, status);
        answer(response, 200, { "content-length": "7" }, method === "HEAD" ? undefined : Buffer.alloc(7));
      });
      expect(await repository.probe(blobOf(7))).toBe("read");
      expect(asked()).toEqual(["GET bytes=0-0", "GET"]);
    },
  );

  it.each([400, 405, 416, 501])("takes no word for a blob of which nothing is given (%d)", async (status) => {
    const { repository } = await open(({ method }, response) =>
      method === "HEAD" ? answer(response, 200, { "content-length": "7" }) : answer(response, status),
    );
    await expect(repository.probe(blobOf(7))).rejects.toThrow();
  });

  const page = "<html><title>Sign in</title></html>";
  it.each<[string, Script]>([
    ["of a known length", (_, response) => answer(response, 200, { "content-type": "text/html" }, page)],
    [
      "of an unknown length",
      (_, response) => {
        response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
        response.write("<html>");
        response.end("</html>");
      },
    ],
  ])("knows nothing from a page %s with 200", async (_, script) => {
    const { repository } = await open(script);
    const blob = blobOf(5_000_000);
    await expect(repository.probe(blob)).rejects.toMatchObject({ code: "unexpected-response" });
    await expect(repository.open(blob)).rejects.toMatchObject({ code: "unexpected-response" });
  });

  it("finds a blob of which less is given than there should be, where its length is not told", async () => {
    const { repository } = await open((_, response) => {
      response.writeHead(200);
      response.write("some");
      response.end("thing");
    });
    await expect(repository.probe(blobOf(5_000_000))).rejects.toMatchObject({ code: "truncated" });
  });
});

describe("whether a blob is there", () => {
  it.each([0, 45])("is what GET shows where HEAD tells another length (%i)", async (length) => {
    const { repository, asked } = await open((request, response, url) => {
      if (request.method === "HEAD") return answer(response, 200, { "content-length": `${length}` });
      giving(7)(request, response, url);
    });
    expect(await repository.has(blobOf(7))).toBe(true);
    expect(await repository.has(blobOf(7, "y"))).toBe(true);
    expect(asked()).toEqual(["HEAD", "GET bytes=0-0", "GET bytes=0-0"]);
  });

  it("is an error where GET tells another length, too", async () => {
    const { repository } = await open(giving(8));
    await expect(repository.has(blobOf(7))).rejects.toMatchObject({ code: "size-mismatch" });
  });
});

describe("where the bytes are elsewhere", () => {
  const names = ["a", "b", "c", "d", "e", "f"];

  async function redirecting(methods: readonly string[]) {
    const store = await serve(giving(7));
    const registry = await open(({ method = "" }, response) => {
      if (methods.includes(method)) answer(response, 307, { location: `${store.origin}/bytes` });
      else answer(response, 200, { "content-length": "7" });
    });
    const found: string[] = [];
    for (const name of names) found.push(await registry.repository.probe(blobOf(7, name)));
    return { found, requests: registry.asked().length + store.seen.length };
  }

  it("reads the byte there when asking would lead there, too", async () => {
    const { found, requests } = await redirecting(["GET", "HEAD"]);
    expect(found.filter((how) => how === "read")).toHaveLength(names.length - 1);
    expect(requests).toBe(2 * names.length);
  });

  it("believes the registry when asking takes one request less", async () => {
    const { found, requests } = await redirecting(["GET"]);
    expect(found).toEqual(["read", ...names.slice(1).map(() => "said")]);
    expect(requests).toBe(names.length + 1);
  });
});
