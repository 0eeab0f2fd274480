import { describe, expect, it, onTestFinished } from "vitest";
import { digestOf, mediaTypes, parseTag } from "../../src/oci/index.ts";
import { clientOf } from "../support/registry-client.ts";
import { answer, type Script, startScriptedServer } from "../support/scripted-server.ts";

const v1 = parseTag("v1");
const bytes = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
);
const digest = digestOf(bytes);
const errors = (...codes: string[]) => JSON.stringify({ errors: codes.map((code) => ({ code })) });
const served = { "content-type": mediaTypes.ociIndex, "docker-content-digest": digest };

async function open(script: Script) {
  const server = await startScriptedServer(script);
  const client = clientOf(server.host, { settings: { retries: 0 } });
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  const seen = () => server.seen.map(({ method, url }) => `${method} ${url.replace("/v2/team/app/", "")}`);
  return { repository: client.repository(), seen };
}

/** A registry that answers so for all manifests, and so when its tags are listed. */
const manifests =
  (head: Script, get: Script, list: Script = (_, response) => answer(response, 404)): Script =>
  (request, response, url) => {
    if (url.pathname.endsWith("/tags/list")) return list(request, response, url);
    (request.method === "HEAD" ? head : get)(request, response, url);
  };

const status =
  (code: number, body?: string, type = "application/json"): Script =>
  (_, response) =>
    answer(response, code, { "content-type": type }, body);
const holds: Script = (_, response) => answer(response, 200, served, bytes);
const lists =
  (...tags: string[]): Script =>
  (_, response, url) =>
    answer(response, 200, {}, JSON.stringify({ tags: url.searchParams.has("last") ? [] : tags }));
const page = "<html><title>404 Not Found</title></html>";

describe("a tag that HEAD says is not there", () => {
  it("is there when GET shows it", async () => {
    const { repository, seen } = await open(manifests(status(404), holds));
    expect(await repository.resolve(v1)).toEqual({
      digest,
      mediaType: mediaTypes.ociIndex,
      size: bytes.length,
    });
    expect(seen()).toEqual(["HEAD manifests/v1", "GET manifests/v1"]);
  });

  it.each([
    ["MANIFEST_UNKNOWN"],
    ["NAME_UNKNOWN"],
    // Harbor, https://github.com/goharbor/harbor/issues/16515
    ["NOT_FOUND"],
    ["TAG_EXPIRED"],
    ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"],
  ])("is absent when GET says %s", async (...codes) => {
    const { repository, seen } = await open(manifests(status(404), status(404, errors(...codes))));
    expect(await repository.resolve(v1)).toBeUndefined();
    expect(seen()).toEqual(["HEAD manifests/v1", "GET manifests/v1"]);
  });

  it.each([
    ["a web page", page, "text/html"],
    ["a web page that calls itself JSON", page, "application/json"],
    ["a line of text", "default backend - 404", "text/plain"],
    ["an object store's words", "<Error><Code>NoSuchKey</Code></Error>", "application/xml"],
  ])("is unread when GET gives %s, whatever is listed", async (_, body, type) => {
    const { repository } = await open(manifests(status(404), status(404, body, type), lists("v2")));
    await expect(repository.resolve(v1)).rejects.toMatchObject({ code: "absence-unproven" });
    await expect(repository.fetch(v1)).rejects.toMatchObject({ code: "absence-unproven" });
    await expect(repository.fetch(digest)).rejects.toMatchObject({ code: "absence-unproven" });
  });

  it.each([
    ["nothing", ""],
    ["JSON of another form", '{"message":"not found"}'],
    ["another error", errors("DENIED")],
    ["an error without a code", '{"errors":[{"status":404}]}'],
  ])("is what the listing says when GET says 404 and %s", async (_, body) => {
    const get = status(404, body);
    const absent = await open(manifests(status(404), get, lists("v2")));
    expect(await absent.repository.resolve(v1)).toBeUndefined();
    for (const list of [
      lists("v1", "v2"),
      status(404, ""),
      status(404, errors("NAME_UNKNOWN")),
      status(500),
    ]) {
      const { repository } = await open(manifests(status(404), get, list));
      await expect(repository.resolve(v1)).rejects.toMatchObject({ code: "absence-unproven" });
      await expect(repository.resolve(digest)).rejects.toMatchObject({ code: "absence-unproven" });
    }
  });

  it("is not known from a list that may go on", async () => {
    const full: Script = (_, response) =>
      answer(response, 200, {}, JSON.stringify({ tags: Array.from({ length: 1000 }, (_, at) => `a${at}`) }));
    const { repository } = await open(manifests(status(404), status(404, ""), full));
    await expect(repository.resolve(v1)).rejects.toMatchObject({ code: "absence-unproven" });
  });
});

describe("an answer that is no manifest of any kind", () => {
  it.each([
    ["a page", page, "text/html"],
    ["nothing", "", "text/html"],
    ["a list", "[]", "application/json"],
    ["a message", '{"message":"log in"}', "application/json"],
  ])("leaves unknown what is there: %s with 200", async (_, body, type) => {
    const { repository } = await open(manifests(status(200, "", type), status(200, body, type), lists("v2")));
    for (const target of [v1, digest]) {
      await expect(repository.resolve(target)).rejects.toMatchObject({ code: "unexpected-response" });
      await expect(repository.fetch(target)).rejects.toMatchObject({
        code: "unexpected-response",
        hint: expect.stringContaining("before the registry"),
      });
    }
  });
});

describe("a registry without HEAD", () => {
  it.each([400, 403, 405, 501])("(%i) is asked by GET", async (code) => {
    const { repository, seen } = await open(manifests(status(code), holds));
    expect((await repository.resolve(v1))?.digest).toBe(digest);
    expect(seen()).toEqual(["HEAD manifests/v1", "GET manifests/v1"]);
  });
});

describe("a tag that may not be read", () => {
  // Artifactory's virtual repositories, https://github.com/google/go-containerregistry/issues/1691
  it.each([401, 403])("with %i is absent when a whole list does not name it", async (code) => {
    const refused = status(code, errors("DENIED"));
    const absent = await open(manifests(refused, refused, lists("v2")));
    expect(await absent.repository.resolve(v1)).toBeUndefined();
    const taken = await open(manifests(refused, refused, lists("v1")));
    await expect(taken.repository.resolve(v1)).rejects.toMatchObject({
      code: code === 401 ? "unauthorized" : "denied",
    });
  });

  it("is refused where its list is refused, too, which is not asked for again", async () => {
    const refused = status(403, errors("DENIED"));
    const { repository, seen } = await open(manifests(refused, refused, refused));
    for (let time = 0; time < 2; time += 1) {
      await expect(repository.resolve(v1)).rejects.toMatchObject({ code: "denied" });
    }
    expect(seen().filter((line) => line.includes("tags/list"))).toHaveLength(1);
  });
});

describe("a tag that is probably absent", () => {
  it("takes one request when it is", async () => {
    const { repository, seen } = await open(manifests(holds, status(404)));
    expect(await repository.resolve(v1, { mode: "likely-absent" })).toBeUndefined();
    expect(seen()).toEqual(["GET manifests/v1"]);
  });
});

describe("a tag of a kind that is no image", () => {
  const kinds = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.oci.artifact.manifest.v1+json",
    "application/vnd.example.unheard-of+json",
  ];

  /** Answers 404 for what is not accepted. */
  const negotiating =
    (kind: string, headers: Readonly<Record<string, string>>): Script =>
    (request, response) => {
      const accepted = (request.headers.accept ?? "").split(/\s*,\s*/);
      const isAccepted = accepted.some((range) => range === kind || range.startsWith("*/*"));
      if (!isAccepted) return answer(response, 404);
      answer(response, 200, { "content-type": kind, ...headers }, '{"schemaVersion":1}');
    };

  it.each(kinds)("is told where registries negotiate: %s", async (kind) => {
    const named = negotiating(kind, { "docker-content-digest": digest });
    const { repository } = await open(manifests(named, named));
    const found = { digest, mediaType: kind, size: 19 };
    expect(await repository.resolve(v1)).toEqual(found);
    expect(await repository.resolve(v1, { mode: "likely-absent" })).toEqual(found);
    await expect(repository.fetch(v1)).rejects.toMatchObject({ code: "media-type-mismatch" });
  });

  it("is never free, be its digest told or not", async () => {
    for (const kind of kinds) {
      const unnamed = negotiating(kind, {});
      const { repository } = await open(manifests(unnamed, unnamed));
      const found = repository.resolve(v1);
      if (kind.endsWith("prettyjws"))
        await expect(found).rejects.toMatchObject({ code: "media-type-mismatch" });
      else expect((await found)?.digest).toBe(digestOf(Buffer.from('{"schemaVersion":1}')));
    }
  });
});
