import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Descriptor, digestOf, mediaTypes, parseTag } from "../../src/oci/index.ts";
import { vouchFor } from "../../src/registry/index.ts";
import { type ClientOptions, openScripted } from "../support/registry-client.ts";
import { afterBody, answer, type Script, startScriptedServer } from "../support/scripted-server.ts";

const v1 = parseTag("v1");
const bytes = Buffer.from("a blob");
const blob = blobOf(bytes);
const index = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
);
const uploads = "/v2/team/app/blobs/uploads/";

function blobOf(content: Uint8Array): Descriptor {
  return { mediaType: mediaTypes.ociLayer, digest: digestOf(content), size: content.length };
}

async function open(script: Script, options: ClientOptions = {}) {
  const { server, ...client } = await openScripted(script, options);
  const asked = () => server.seen.map(({ method, url }) => `${method} ${url.split("?")[0]}`);
  return { ...client, server, asked };
}

const errors = (code: string, message = "") => JSON.stringify({ errors: [{ code, message }] });
const content = async () => Readable.from([bytes]);

/** A registry that keeps blobs; what a test's own script has not answered, it answers. */
function registry(first: (...args: Parameters<Script>) => boolean | undefined) {
  const kept: Buffer[] = [];
  const script: Script = (request, response, url) => {
    if (first(request, response, url) === true) return;
    if (request.method === "POST") return answer(response, 202, { location: `${uploads}u1` });
    if (request.method === "HEAD") {
      const length = `${kept[0]?.length}`;
      return kept.length > 0 ? answer(response, 200, { "content-length": length }) : answer(response, 404);
    }
    if (request.method === "DELETE") return answer(response, 204);
    afterBody(request, (body) => {
      if (request.method === "PUT" || body.length > 0) kept.push(body);
      answer(response, request.method === "PATCH" ? 202 : 201, {});
    });
  };
  return { script, kept };
}

/** Does something so many times. */
function times(count: number, act: (...args: Parameters<Script>) => void) {
  let left = count;
  return (...args: Parameters<Script>): boolean => {
    if (left === 0) return false;
    left -= 1;
    act(...args);
    return true;
  };
}

describe("a mount that does not mount", () => {
  const mountless = (status: number, headers = {}, body = "") =>
    registry((_, response, url) => {
      if (!url.searchParams.has("mount")) return false;
      answer(response, status, headers, body);
      return true;
    });

  it.each([200, 202, 204, 307, 400, 401, 403, 404, 405, 409, 413, 500, 501, 502, 503, 507])(
    "is followed by an upload, though it is answered with %i",
    async (status) => {
      const { script, kept } = mountless(status, {}, status === 204 ? "" : errors("UNKNOWN", "no mount"));
      const { repository, asked } = await open(script);
      expect(await repository().push(blob, content, { mountFrom: repository("other") })).toBe("pushed");
      expect(kept).toEqual([bytes]);
      expect(asked().filter((line) => line === `POST ${uploads}`).length).toBeLessThanOrEqual(3);
    },
  );

  it.each(["http://elsewhere.test/v2/x/blobs/uploads/1", "http://[", "ftp://127.0.0.1/"])(
    "is followed by an upload, though it begins one at %s",
    async (location) => {
      const { script, kept } = mountless(202, { location });
      const { repository } = await open(script);
      expect(await repository().push(blob, content, { mountFrom: repository("other") })).toBe("pushed");
      expect(kept).toEqual([bytes]);
    },
  );

  it("is followed by an upload when its connection breaks", async () => {
    const { script } = registry((request, _, url) => {
      if (!url.searchParams.has("mount")) return false;
      request.socket.destroy();
      return true;
    });
    const { repository } = await open(script);
    expect(await repository().push(blob, content, { mountFrom: repository("other") })).toBe("pushed");
  });
});

describe("an upload that a registry forgets", () => {
  it.each([
    [404, errors("BLOB_UPLOAD_UNKNOWN")],
    [404, ""],
    [404, "<html><title>404 Not Found</title></html>"],
    [400, errors("BLOB_UPLOAD_INVALID")],
    [500, errors("BLOB_UPLOAD_UNKNOWN")],
  ])("is begun anew after %i %s", async (status, body) => {
    const { script, kept } = registry((request, response, url) => {
      if (request.method !== "PUT" || !isFirst(url)) return false;
      afterBody(request, () => answer(response, status, {}, body));
      return true;
    });
    let puts = 0;
    const isFirst = (url: URL) => url.pathname.startsWith(uploads) && puts++ === 0;
    const { repository, asked } = await open(script);
    expect(await repository().push(blob, content)).toBe("pushed");
    expect(kept).toEqual([bytes]);
    expect(asked()).toEqual([
      `POST ${uploads}`,
      `PUT ${uploads}u1`,
      `HEAD /v2/team/app/blobs/${blob.digest}`,
      `POST ${uploads}`,
      `PUT ${uploads}u1`,
    ]);
  });

  it("each time is not begun for ever, and the advice is not to run again", async () => {
    const { script } = registry((request, response) => {
      if (request.method !== "PUT") return false;
      afterBody(request, () => answer(response, 404, {}, errors("BLOB_UPLOAD_UNKNOWN", "who?")));
      return true;
    });
    const { repository, asked } = await open(script);
    const failure = await repository()
      .push(blob, content)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "unexpected-response",
      message: expect.stringContaining("BLOB_UPLOAD_UNKNOWN who?"),
      hint: expect.not.stringContaining("run again"),
    });
    expect(asked().filter((line) => line.startsWith("PUT"))).toHaveLength(4);
  });
});

describe("a success that is not the one due", () => {
  it.each([200, 202, 204])(
    "to the end of an upload (%i) is believed when the blob is there",
    async (status) => {
      const { script, kept } = registry((request, response) => {
        if (request.method !== "PUT") return false;
        afterBody(request, (body) => {
          kept.push(body);
          answer(response, status);
        });
        return true;
      });
      const { repository, asked } = await open(script);
      expect(await repository().push(blob, content)).toBe("pushed");
      expect(asked().slice(1)).toEqual([`PUT ${uploads}u1`, `HEAD /v2/team/app/blobs/${blob.digest}`]);
    },
  );

  it.each([200, 202, 204])("to the end of an upload (%i) is not, when it is not", async (status) => {
    const answered = times(1, (request, response) => afterBody(request, () => answer(response, status)));
    const { script, kept } = registry((...args) => args[0].method === "PUT" && answered(...args));
    const { repository } = await open(script);
    expect(await repository().push(blob, content)).toBe("pushed");
    expect(kept).toEqual([bytes]);
  });

  describe("to a manifest", () => {
    const descriptor = { mediaType: mediaTypes.ociIndex, digest: digestOf(index), size: index.length };
    const document = { descriptor, bytes: index };
    const manifest = "/v2/team/app/manifests/v1";
    const putting = (status: number, isKept: boolean, instead?: string) => {
      let kept: Uint8Array | undefined;
      return open((request, response) => {
        if (request.method === "PUT") {
          afterBody(request, (body) => {
            if (isKept) kept = body;
            answer(response, status, {}, status === 200 ? "<html>log in</html>" : "");
          });
        } else if (kept !== undefined) answer(response, 200, { "content-type": mediaTypes.ociIndex }, kept);
        else if (instead !== undefined) answer(response, 200, { "content-type": "text/html" }, instead);
        else answer(response, 404, {}, '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
      });
    };

    it.each([200, 202, 204])("(%i) is believed when it is there", async (status) => {
      const { repository, asked } = await putting(status, true);
      await repository().put(document, v1);
      expect(asked()).toEqual([`PUT ${manifest}`, `GET ${manifest}`]);
    });

    it.each([200, 202, 204])("(%i) is not, when it is not", async (status) => {
      const { repository, asked } = await putting(status, false);
      await expect(repository().put(document, v1)).rejects.toMatchObject({
        code: "unexpected-response",
        message: expect.stringContaining(`${status}`),
      });
      expect(asked().filter((line) => line.startsWith("PUT"))).toHaveLength(3);
    });

    it("(200) is not, when a page is there", async () => {
      const { repository } = await putting(200, false, "<html>log in</html>");
      await expect(repository().put(document, v1)).rejects.toMatchObject({ code: "unexpected-response" });
    });

    it("is not asked about when it is the one due", async () => {
      const { repository, asked } = await putting(201, false);
      await repository().put(document, v1);
      expect(asked()).toEqual([`PUT ${manifest}`]);
    });
  });

  it.each([200, 201])("to the beginning of an upload (%i) begins it", async (status) => {
    const { script, kept } = registry((request, response) => {
      if (request.method !== "POST") return false;
      answer(response, status, { location: `${uploads}u7` });
      return true;
    });
    const { repository } = await open(script);
    expect(await repository().push(blob, content)).toBe("pushed");
    expect(kept).toEqual([bytes]);
  });
});

describe("where an upload goes on", () => {
  it.each([
    ["relative to what was asked", () => "u9", `${uploads}u9`],
    ["relative, with a query", () => "u9?state=a%2Fb", `${uploads}u9?state=a%2Fb`],
    ["at an internal port", () => "http://127.0.0.1:8081/v2/x/blobs/uploads/u9", "/v2/x/blobs/uploads/u9"],
    ["without the port", () => "http://127.0.0.1/v2/x/blobs/uploads/u9", "/v2/x/blobs/uploads/u9"],
    ["at an internal port, by TLS", () => "https://127.0.0.1:8443/v2/u9", "/v2/u9"],
    ["without a scheme", (host: string) => `//${host}/v2/u9`, "/v2/u9"],
  ])("is read when it is %s", async (_, location, expected) => {
    const { script, kept } = registry((request, response) => {
      if (request.method !== "POST") return false;
      answer(response, 202, { location: location(request.headers.host ?? "") });
      return true;
    });
    const { repository, server } = await open(script);
    expect(await repository().push(blob, content)).toBe("pushed");
    expect(kept).toEqual([bytes]);
    expect(server.seen.at(-1)?.url.replace(/[?&]digest=.*/, "")).toBe(expected);
  });

  it.each([307, 308])("is relative to where a redirect led (%i)", async (status) => {
    const { script, kept } = registry((request, response, url) => {
      if (request.method !== "POST") return false;
      if (url.pathname === uploads) answer(response, status, { location: "/v2/elsewhere/blobs/uploads/" });
      else answer(response, 202, { location: "u9" });
      return true;
    });
    const { repository, asked } = await open(script);
    expect(await repository().push(blob, content)).toBe("pushed");
    expect(kept).toEqual([bytes]);
    expect(asked().at(-1)).toBe("PUT /v2/elsewhere/blobs/uploads/u9");
  });

  it("is kept when a chunk's answer does not say", async () => {
    const { script, kept } = registry(() => false);
    const { repository, asked } = await open(script, { settings: { upload: "one-patch" } });
    expect(await repository().push(blob, content)).toBe("pushed");
    expect(kept[0]).toEqual(bytes);
    expect(asked().slice(1)).toEqual([`PATCH ${uploads}u1`, `PUT ${uploads}u1`]);
  });
});

describe("a redirect of an upload", () => {
  const credentials = {
    lookup: async () => ({ kind: "basic", username: "u", password: "secret", source: "a test" }) as const,
  };

  it("takes the credential along on the registry's own origin, and goes to no other", async () => {
    const thief = await startScriptedServer((_, response) => answer(response, 202, { location: "/v2/u" }));
    onTestFinished(thief.close);
    let target = "?again";
    const { script } = registry((request, response, url) => {
      if (request.headers.authorization === undefined) {
        answer(response, 401, { "www-authenticate": "Basic" });
        return true;
      }
      if (request.method !== "POST" || url.search !== "") return false;
      answer(response, 307, { location: target });
      return true;
    });
    const { repository, server } = await open(script, { credentials });
    expect(await repository().push(blob, content)).toBe("pushed");
    expect(server.seen.filter(({ url }) => url.endsWith("?again"))).toHaveLength(1);
    target = `${thief.origin}${uploads}`;
    await expect(repository().push(blob, content)).rejects.toMatchObject({ code: "unsafe-redirect" });
    expect(thief.seen).toEqual([]);
  });

  it.each(["redirected", "asked for again with a new token"])(
    "or a chunk of it, %s, sends the very same bytes",
    async (how) => {
      const large = randomBytes(300_000);
      const parts: Buffer[] = [];
      let isFirst = true;
      const { script } = registry((request, response, url) => {
        if (request.method !== "PATCH") return false;
        afterBody(request, (body) => {
          const isRefused = isFirst && parts.length === 1;
          if (isRefused) isFirst = false;
          if (!isRefused) parts.push(body);
          if (!isRefused) return answer(response, 202);
          if (how === "redirected") return answer(response, 307, { location: `${url.pathname}?moved` });
          answer(response, 401, { "www-authenticate": "Basic" });
        });
        return true;
      });
      const settings = { chunkBytes: 100_000 };
      const { repository } = await open(script, { settings, credentials });
      const piecewise = async (from: number) =>
        vouchFor(Readable.from([large.subarray(from, from + 70_000), large.subarray(from + 70_000)]), {
          digest: digestOf(large),
        });
      expect(await repository().push(blobOf(large), piecewise)).toBe("pushed");
      expect(parts.map(({ length }) => length)).toEqual([100_000, 100_000, 100_000]);
      expect(Buffer.concat(parts).equals(large)).toBe(true);
    },
  );
});

describe("a blob that is asked for", () => {
  const headless: (status: number) => Script = (status) => (request, response) => {
    if (request.method === "HEAD") return answer(response, status);
    answer(response, 206, { "content-range": `bytes 0-0/${bytes.length}` }, bytes.subarray(0, 1));
  };

  it.each([403, 405])(
    "where the registry's storage answers HEAD with %i is asked for by GET",
    async (status) => {
      const storage = await startScriptedServer(headless(status));
      onTestFinished(storage.close);
      const front = await open((_, response) => answer(response, 307, { location: `${storage.origin}/b` }));
      expect(await front.repository().has(blob)).toBe(true);
      expect(await front.repository().has(blob)).toBe(true);
      expect(storage.seen.map(({ method }) => method)).toEqual(["HEAD", "GET", "GET"]);
    },
  );

  it("is asked for by GET where the registry has no HEAD, which is all that a 403 may mean", async () => {
    for (const status of [403, 405]) {
      const able = await open(headless(status));
      expect(await able.repository().has(blob)).toBe(true);
    }
    const denied = await open((_, response) => answer(response, 403));
    await expect(denied.repository().has(blob)).rejects.toMatchObject({ code: "denied" });
  });

  it("is not there when its storage has nothing to give", async () => {
    const storage = await startScriptedServer((request, response) =>
      answer(response, request.method === "HEAD" ? 403 : 404, {}, "<Code>NoSuchKey</Code>"),
    );
    onTestFinished(storage.close);
    const front = await open((_, response) => answer(response, 307, { location: `${storage.origin}/b` }));
    expect(await front.repository().has(blob)).toBe(false);
  });

  it("has another size when the storage says so", async () => {
    const storage = await startScriptedServer((request, response) => {
      if (request.method === "HEAD") return answer(response, 405);
      answer(response, 206, { "content-range": "bytes 0-0/7" }, "a");
    });
    onTestFinished(storage.close);
    const front = await open((_, response) => answer(response, 307, { location: `${storage.origin}/b` }));
    await expect(front.repository().has(blob)).rejects.toMatchObject({ code: "size-mismatch" });
  });
});

describe("a server that compresses what it sends", () => {
  it("is asked for the bytes as they are", async () => {
    const { repository } = await open((request, response) => {
      if (request.headers["accept-encoding"] === "identity") return answer(response, 200, {}, bytes);
      answer(response, 200, { "content-encoding": "gzip" }, gzipSync(bytes));
    });
    const read: Buffer[] = [];
    for await (const chunk of await repository().open(blob)) read.push(chunk);
    expect(Buffer.concat(read)).toEqual(bytes);
  });
});

describe("a page in the registry's place", () => {
  const html = "<html><title>404 Not Found</title></html>";
  const page = (body: string) => (_: unknown, response: ServerResponse) =>
    answer(response, 404, { "content-type": "text/html" }, body);

  it.each([html, "default backend - 404", "404 page not found\n"])(
    "is waited for to pass: %s",
    async (body) => {
      const wrong = times(2, page(body));
      const { repository, faults } = await open((...args) => {
        if (wrong(...args)) return;
        answer(args[1], 200, { "content-type": mediaTypes.ociIndex }, index);
      });
      expect((await repository().fetch(v1))?.bytes).toEqual(index);
      expect(faults()).toEqual(["unexpected-response", "unexpected-response"]);
    },
  );

  it("is waited for when a blob is read, and says nothing of the blob in the end", async () => {
    const wrong = times(2, page(html));
    const passing = await open((...args) => {
      if (!wrong(...args)) answer(args[1], 200, {}, bytes);
    });
    expect((await passing.repository().open(blob)).readable).toBe(true);
    const lasting = await open(page(html));
    await expect(lasting.repository().open(blob)).rejects.toMatchObject({ code: "unexpected-response" });
    expect(lasting.server.seen).toHaveLength(4);
  });

  it("is waited for when an upload begins", async () => {
    const wrong = times(2, page(html));
    const { script } = registry((...args) => args[0].method === "POST" && wrong(...args));
    const { repository } = await open(script);
    expect(await repository().push(blob, content)).toBe("pushed");
  });

  it.each([errors("MANIFEST_UNKNOWN"), '{"message":"not here"}', ""])(
    "is not what the registry itself says: %s",
    async (body) => {
      const { repository, server } = await open((_, response) => answer(response, 404, {}, body));
      await repository()
        .open(blob)
        .catch(() => undefined);
      expect(server.seen).toHaveLength(1);
    },
  );
});

describe("a server's error that says why it is for good", () => {
  it.each([
    [500, errors("UNKNOWN", "quota exceeded for project library"), "make room"],
    [500, errors("UNKNOWN", "filesystem: write /var/lib/registry: no space left on device"), "make room"],
    [503, errors("UNAVAILABLE", "registry is read-only"), "not written to"],
    [500, errors("UNKNOWN", "tag is immutable"), "answered the same"],
    [500, errors("DENIED"), "answered the same"],
    [502, errors("UNSUPPORTED", "The operation is unsupported."), "answered the same"],
    [500, errors("MANIFEST_INVALID"), "answered the same"],
  ])("is not tried five times: %i %s", async (status, body, hint) => {
    const { repository, server } = await open((_, response) => answer(response, status, {}, body));
    await expect(repository().push(blob, content)).rejects.toMatchObject({
      code: "server-error",
      hint: expect.stringContaining(hint),
    });
    expect(server.seen).toHaveLength(1);
  });

  it.each([
    [500, {}, errors("UNKNOWN", "unknown error")],
    [500, {}, errors("UNKNOWN", "rate quota exceeded: requests per minute")],
    [503, { "retry-after": "0" }, errors("DENIED", "read-only for a moment")],
    [502, {}, "<html>502 Bad Gateway</html>"],
    [500, {}, ""],
  ])("is not what another one says: %i %o %s", async (status, headers, body) => {
    const wrong = times(1, (_, response) => answer(response, status, headers, body));
    const { script } = registry(wrong);
    const { repository } = await open(script);
    expect(await repository().push(blob, content)).toBe("pushed");
  });
});

describe("a server that closes connections without a word", () => {
  it("gets each request on one of its own, after a few that were lost", async () => {
    const used = new WeakSet<object>();
    const { script, kept } = registry((request) => {
      const isUsed = used.has(request.socket);
      used.add(request.socket);
      if (isUsed) request.socket.destroy();
      return isUsed;
    });
    const { repository, retries } = await open(script);
    for (let count = 0; count < 10; count += 1) await repository().push(blob, content);
    expect(kept).toHaveLength(10);
    expect(retries()).toHaveLength(3);
  });
});
