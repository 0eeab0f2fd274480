import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import {
  type Descriptor,
  digestOf,
  type ImageDocument,
  mediaTypes,
  parseDigest,
  parseTag,
} from "../../src/oci/index.ts";
import { openScripted as open } from "../support/registry-client.ts";
import { afterBody, answer } from "../support/scripted-server.ts";

const v1 = parseTag("v1");
const bytes = Buffer.from(`{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[]}`);
const descriptor: Descriptor = {
  mediaType: mediaTypes.ociIndex,
  digest: digestOf(bytes),
  size: bytes.length,
};
const document: ImageDocument = { descriptor, bytes };
const served = { "content-type": `${mediaTypes.ociIndex}; charset=utf-8` };
const stated = { ...served, "docker-content-digest": descriptor.digest };

describe("resolving", () => {
  it("takes one request where the registry says everything", async () => {
    const { repository, requests } = await open((_, response) =>
      answer(response, 200, { ...stated, "content-length": `${bytes.length}` }),
    );
    expect(await repository().resolve(v1)).toEqual(descriptor);
    expect(requests()).toEqual(["resolve"]);
  });

  it.each([
    ["no digest", served],
    ["a digest that is none", { ...served, "docker-content-digest": "sha256:abc" }],
    ["no media type", { "docker-content-digest": descriptor.digest }],
  ])("reads the manifest where it says %s", async (_, headers) => {
    const { repository } = await open((request, response) => {
      if (request.method === "HEAD") return answer(response, 200, { ...headers, "content-length": "9" });
      answer(response, 200, stated, bytes);
    });
    expect(await repository().resolve(v1)).toEqual(descriptor);
  });

  it("reads the manifest where HEAD is not understood", async () => {
    const { repository } = await open((request, response) => {
      if (request.method === "HEAD") return answer(response, 405);
      answer(response, 200, stated, bytes);
    });
    expect(await repository().resolve(v1)).toEqual(descriptor);
  });

  it("keeps what is no image apart from what is not there", async () => {
    const type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    const { repository } = await open((_, response) =>
      answer(response, 200, { ...stated, "content-type": type }, bytes),
    );
    expect(await repository().resolve(v1)).toMatchObject({ digest: descriptor.digest, mediaType: type });
    await expect(repository().fetch(v1)).rejects.toMatchObject({ code: "media-type-mismatch" });
  });

  it("says that a port wants TLS, though HEAD says nothing", async () => {
    const { repository } = await open((_, response) =>
      answer(response, 400, {}, "Client sent an HTTP request to an HTTPS server.\n"),
    );
    await expect(repository().resolve(v1)).rejects.toMatchObject({ code: "tls" });
  });
});

describe("fetching", () => {
  it("is tried again when the answer breaks off", async () => {
    let broken = 2;
    const { repository, retries } = await open((_, response) => {
      if (broken-- > 0) {
        response.writeHead(200, { ...served, "content-length": `${bytes.length}` });
        return void response.write(bytes.subarray(0, 5), () => response.destroy());
      }
      answer(response, 200, stated, bytes);
    });
    expect((await repository().fetch(v1))?.bytes).toEqual(bytes);
    expect(retries()).toHaveLength(2);
  });

  it("is given up when the answer never ends, or never begins", async () => {
    const timing = { answer: 150, measure: 150 };
    const settings = { retries: 0 };
    const slow = await open((_, response) => void response.writeHead(200, served).write("{"), {
      timing,
      settings,
    });
    await expect(slow.repository().fetch(v1)).rejects.toMatchObject({ code: "timeout" });
    const silent = await open(() => {}, { timing, settings });
    await expect(silent.repository().fetch(v1)).rejects.toMatchObject({ code: "timeout" });
  });

  it("does not wait beyond the deadline", async () => {
    const { repository, server } = await open(
      (_, response) => answer(response, 503, { "retry-after": "5" }),
      {
        timing: { deadline: 1000 },
      },
    );
    await expect(repository().fetch(v1)).rejects.toMatchObject({ code: "server-error" });
    expect(server.seen).toHaveLength(1);
  });

  it("takes digests of both algorithms", async () => {
    const sha512 = parseDigest(`sha512:${createHash("sha512").update(bytes).digest("hex")}`);
    const { repository } = await open((_, response) => answer(response, 200, stated, bytes));
    expect(await repository().fetch(sha512)).toEqual({
      descriptor: { ...descriptor, digest: sha512 },
      bytes,
    });
    const other = parseDigest(`sha512:${"0".repeat(128)}`);
    await expect(repository().fetch(other)).rejects.toMatchObject({ code: "digest-mismatch" });
  });

  it("says what does not speak HTTP", async () => {
    const { repository } = await open((request) => void request.socket.end("SSH-2.0-OpenSSH_9.2\r\n"));
    await expect(repository().fetch(v1)).rejects.toMatchObject({ code: "unexpected-response" });
  });
});

describe("asking for a blob", () => {
  it("does not take it up again where it broke off when nobody wants it any more", async () => {
    const blob = { mediaType: mediaTypes.ociLayer, digest: descriptor.digest, size: 2 ** 21 };
    let given: Readable | undefined;
    const { repository, server } = await open(
      (request, response) => {
        if (request.method === "HEAD") return answer(response, 404);
        response.writeHead(200, { "content-length": `${blob.size}` });
        response.write("begin", () => response.destroy());
      },
      { listener: ({ type }) => void (type === "retry" && given?.destroy()) },
    );
    given = await repository().open(blob);
    await once(given.resume(), "close");
    for (let asked = 0; asked < 10; asked += 1) await repository().has(blob);
    expect(server.seen.filter(({ method }) => method === "GET")).toHaveLength(1);
  });

  it("does not take one of another size for the one", async () => {
    const { repository } = await open((_, response) => answer(response, 200, { "content-length": "5" }));
    await expect(repository().has({ ...descriptor, size: 6 })).rejects.toMatchObject({
      code: "size-mismatch",
    });
    expect(await repository().has({ ...descriptor, size: 5 })).toBe(true);
  });
});

describe("putting", () => {
  it("does not send what does not hash to its digest", async () => {
    const { repository, server } = await open((_, response) => answer(response, 201));
    const wrong = { descriptor, bytes: Buffer.from("something else") };
    await expect(repository().put(wrong, v1)).rejects.toMatchObject({ code: "digest-mismatch" });
    expect(server.seen).toEqual([]);
  });

  it("believes no registry that says it has something else now", async () => {
    const { repository } = await open((request, response) =>
      afterBody(request, () =>
        answer(response, 201, { "docker-content-digest": digestOf(Buffer.from("other")) }),
      ),
    );
    await expect(repository().put(document, v1)).rejects.toMatchObject({ code: "digest-mismatch" });
  });

  it("puts under a digest of another algorithm what it puts under a tag", async () => {
    const sha512 = parseDigest(`sha512:${createHash("sha512").update(bytes).digest("hex")}`);
    const { repository, server } = await open((request, response) =>
      afterBody(request, () => answer(response, 201, { "docker-content-digest": descriptor.digest })),
    );
    await repository().put({ descriptor: { ...descriptor, digest: sha512 }, bytes }, v1);
    expect(server.seen.map(({ url }) => url)).toEqual(
      [sha512, "v1"].map((name) => `/v2/team/app/manifests/${name}`),
    );
  });

  it.each([
    [400, "MANIFEST_BLOB_UNKNOWN", "manifest-refused"],
    [404, "NAME_UNKNOWN", "repository-missing"],
    [405, "UNSUPPORTED", "manifest-refused"],
    [409, "TAG_IMMUTABLE", "manifest-refused"],
    [412, "PRECONDITION", "manifest-refused"],
    [413, "SIZE_INVALID", "manifest-refused"],
    [403, "DENIED", "denied"],
    [501, "NOT_NOW", "server-error"],
  ])("tells a refusal with %i %s", async (status, code, expected) => {
    const errors = [{ code, message: "no", detail: {} }];
    const { repository } = await open((request, response) =>
      afterBody(request, () => answer(response, status, {}, JSON.stringify({ errors }))),
    );
    await expect(repository().put(document, v1)).rejects.toMatchObject({
      code: expected,
      message: expect.stringContaining(code),
    });
  });
});

describe("deleting", () => {
  it.each([
    [405, "", "unsupported"],
    [400, '{"errors":[{"code":"UNSUPPORTED"}]}', "unsupported"],
    [403, "", "denied"],
  ])("tells %i %s", async (status, body, code) => {
    const { repository } = await open((_, response) => answer(response, status, {}, body));
    await expect(repository().delete(v1)).rejects.toMatchObject({ code });
  });

  it("is content when there is nothing", async () => {
    const { repository } = await open((_, response) => answer(response, 404));
    await repository().delete(v1);
  });
});

describe("listing", () => {
  it("knows a repository that is not there from a web server that is no registry", async () => {
    const unknown = '{"errors":[{"code":"NAME_UNKNOWN"}]}';
    const registry = await open((_, response) =>
      answer(response, 404, { "content-type": "application/json" }, unknown),
    );
    expect(await registry.repository().list()).toBeUndefined();
    const website = await open((_, response) =>
      answer(response, 404, { "content-type": "text/html" }, "<h1>Not found</h1>"),
    );
    await expect(website.repository().list()).rejects.toMatchObject({ code: "absence-unproven" });
  });

  it.each([
    ['</v2/team/app/tags/list?last=a>; rel="next"', "/v2/team/app/tags/list?last=a"],
    ["</v2/team/app/tags/list?last=a>; rel=next", "/v2/team/app/tags/list?last=a"],
    ['<?last=a>; rel="next"', "/v2/team/app/tags/list?last=a"],
    ['<https://HOST/v2/x?last=a>; title="a,b"; rel="next"', undefined],
    ['</v2/first>; rel="first", </v2/x?last=a>; rel="next"', "/v2/x?last=a"],
    ['</v2/first>; rel="first"', undefined],
    ['<//evil.org/v2/x>; rel="next"', "unsafe-redirect"],
    ['<http://evil.org/v2/x>; rel="next"', "unsafe-redirect"],
    ['</v1/x>; rel="next"', "unsafe-redirect"],
    ['<http://[>; rel="next"', "unexpected-response"],
  ])("follows the link %s", async (link, expected) => {
    const { repository, server } = await open((request, response) => {
      const header = link.replace("HOST", request.headers.host ?? "");
      answer(response, 200, server.seen.length === 1 ? { link: header } : {}, '{"tags":["a"]}');
    });
    const failure = await repository()
      .list()
      .then(() => undefined)
      .catch((error: { code?: string }) => error.code);
    if (expected === undefined || expected.startsWith("/")) {
      expect(failure).toBeUndefined();
      if (expected !== undefined) expect(server.seen[1]?.url).toBe(expected);
    } else {
      expect(failure).toBe(expected);
      expect(server.seen).toHaveLength(1);
    }
  });

  it("leaves out what is no tag", async () => {
    const { repository } = await open((_, response) =>
      answer(response, 200, {}, '{"tags":["a","b c","","../x"]}'),
    );
    expect((await repository().list())?.tags).toEqual(["a"]);
  });

  it("does not tell half of the manifests for all of them", async () => {
    const manifest = { [descriptor.digest]: { tag: ["a"] } };
    const { repository } = await open((_, response, url) => {
      if (url.searchParams.has("last")) return answer(response, 200, {}, '{"tags":["b"]}');
      const link = `<${url.pathname}?last=a>; rel="next"`;
      answer(response, 200, { link }, JSON.stringify({ tags: ["a"], manifest }));
    });
    expect(await repository().list()).toMatchObject({ tags: ["a", "b"], manifests: undefined });
  });

  it.each(["nonsense", "[]", '{"tags":"a"}', '{"manifest":[1]}'])("tells %s from a list", async (body) => {
    const { repository } = await open((_, response) => answer(response, 200, {}, body));
    await expect(repository().list()).rejects.toMatchObject({ code: "unexpected-response" });
  });
});

describe("the rate of a host", () => {
  it("is for all its requests together, of whatever kind", async () => {
    const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(Buffer.from("b")), size: 1 };
    const { repository, server } = await open(
      (request, response) => {
        if (request.method === "POST") return answer(response, 202, { location: "/v2/upload" });
        if (request.method === "PUT") return afterBody(request, () => answer(response, 201));
        answer(response, 200, {}, request.url?.includes("tags") ? '{"tags":[]}' : "b");
      },
      { settings: { requestsPerSecond: 20, concurrency: 50 } },
    );
    const begun = Date.now();
    const copying = () => repository("to").push(blob, () => repository("from").open(blob));
    await Promise.all(Array.from({ length: 10 }, () => copying()));
    expect(server.seen).toHaveLength(30);
    // A burst of 20, then one every 50 ms: the timers of Node may be a millisecond early.
    expect(Date.now() - begun).toBeGreaterThanOrEqual(480);
  });
});
