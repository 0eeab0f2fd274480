import { afterEach, describe, expect, test } from "vitest";
import { identifyImage, listTags } from "../../src/inspect/index.ts";
import { digestOf, mediaTypes, parseTag } from "../../src/oci/index.ts";
import { clientOf } from "../support/registry-client.ts";
import { answer, type Script, startScriptedServer } from "../support/scripted-server.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function repositoryOf(script: Script) {
  const server = await startScriptedServer(script);
  const client = clientOf(server.host, { settings: { retries: 0 } });
  open.push(server, client);
  return { server, repository: client.repository("app") };
}

const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest }));
const digest = digestOf(manifest);
const other = digestOf(Buffer.from("something else"));
const typed = { "content-type": mediaTypes.ociManifest };
const page = (...tags: string[]) => JSON.stringify({ name: "app", tags });
const v1 = parseTag("v1");

describe("the tags of a repository", () => {
  test("come from all pages, in the order of their numbers, and as many as are wanted", async () => {
    const { repository } = await repositoryOf((_, response, url) => {
      if (url.searchParams.get("last") === "v10") return answer(response, 200, {}, page("latest", "v9"));
      answer(response, 200, { link: '</v2/app/tags/list?n=1000&last=v10>; rel="next"' }, page("v10", "v2"));
    });
    const { tags } = await listTags(repository);
    expect(tags.map(({ tag }) => tag)).toEqual(["latest", "v2", "v9", "v10"]);
    const some = await listTags(repository, { isWanted: (tag) => tag.startsWith("v1") });
    expect(some).toMatchObject({ tags: [{ tag: "v10" }], others: ["v2", "latest", "v9"] });
  });

  test("have digests where they are asked for, and those that cannot be read are told", async () => {
    const { repository } = await repositoryOf((_, response, url) => {
      if (url.pathname.endsWith("/tags/list")) return answer(response, 200, {}, page("v1", "gone", "broken"));
      if (url.pathname.endsWith("/v1")) return answer(response, 200, typed, manifest);
      answer(response, url.pathname.endsWith("/gone") ? 404 : 500);
    });
    const { tags, unread } = await listTags(repository, { digests: true });
    expect(tags).toEqual([{ tag: "v1", digest, mediaType: mediaTypes.ociManifest }]);
    expect(unread.map(({ tag, failure }) => [tag, failure.code])).toEqual([
      ["broken", "server-error"],
      ["gone", "absence-unproven"],
    ]);
  });

  test("of no repository are an error", async () => {
    const { repository } = await repositoryOf((_, response) => answer(response, 404));
    await expect(listTags(repository)).rejects.toMatchObject({ code: "no-repository" });
  });

  test.each([
    ["leads back to itself", '</v2/app/tags/list?n=1000>; rel="next"', "endless-pagination"],
    ["leads to another host", '<http://127.0.0.2/v2/app/tags/list?last=a>; rel="next"', "unsafe-redirect"],
    ["leads out of the registry's own paths", '</private?last=a>; rel="next"', "unsafe-redirect"],
    ["leads to a page that is not there", '</v2/app/tags/list?last=lost>; rel="next"', "list-incomplete"],
  ])("are no list when one %s", async (_, link, code) => {
    const { repository, server } = await repositoryOf((__, response, url) => {
      if (url.searchParams.get("last") === "lost") return answer(response, 404);
      answer(response, 200, { link }, page("a"));
    });
    await expect(listTags(repository)).rejects.toMatchObject({ code });
    expect(server.seen.every(({ url }) => url.startsWith("/v2/app/tags/list"))).toBe(true);
  });

  test("are no list when it is cut off where a page ends, and the registry goes on from no name", async () => {
    const { repository } = await repositoryOf((_, response, url) => {
      const all = Array.from({ length: Number(url.searchParams.get("n")) }, (__, at) => `v${at}`);
      answer(response, 200, {}, page(...all));
    });
    await expect(listTags(repository)).rejects.toMatchObject({ code: "list-incomplete" });
  });
});

describe("the digest of an image", () => {
  test("is what the registry says, by one request", async () => {
    const { repository, server } = await repositoryOf((request, response) => {
      const head = { ...typed, "docker-content-digest": digest, "content-length": `${manifest.length}` };
      answer(response, request.method === "HEAD" ? 200 : 500, head);
    });
    expect(await identifyImage(repository, v1)).toMatchObject({ digest });
    expect(server.seen).toHaveLength(1);
  });

  test("is computed where the registry says none", async () => {
    const { repository } = await repositoryOf((request, response) => {
      if (request.method === "HEAD") return answer(response, 200, typed);
      answer(response, 200, typed, manifest);
    });
    expect(await identifyImage(repository, v1)).toMatchObject({ digest, size: manifest.length });
  });

  test("is not taken from a registry that lies, where the bytes are read", async () => {
    const { repository } = await repositoryOf((request, response) => {
      const head = { ...typed, "docker-content-digest": other };
      if (request.method === "HEAD")
        return answer(response, 200, { ...head, "content-length": `${manifest.length}` });
      answer(response, 200, head, manifest);
    });
    await expect(identifyImage(repository, v1, "app", { read: true })).rejects.toMatchObject({
      code: "digest-mismatch",
    });
    await expect(identifyImage(repository, digest)).rejects.toMatchObject({ code: "digest-mismatch" });
  });

  test("is that of the one image of an index for a platform", async () => {
    const entry = (bytes: Buffer, architecture: string, variant?: string) => ({
      ...{ mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length },
      platform: { os: "linux", architecture, ...(variant === undefined ? {} : { variant }) },
    });
    const images = ["v6", "v7", ""].map((text) =>
      Buffer.from(`{"schemaVersion":2,"annotations":{"a":"${text}"}}`),
    );
    const [v6, v7, amd64] = images as [Buffer, Buffer, Buffer];
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [entry(v6, "arm", "v6"), entry(v7, "arm", "v7"), entry(amd64, "amd64")],
      }),
    );
    const { repository } = await repositoryOf((_, response, url) => {
      if (url.pathname.endsWith("/v1"))
        return answer(response, 200, { "content-type": mediaTypes.ociIndex }, index);
      const found = [v6, v7].find((bytes) => url.pathname.endsWith(digestOf(bytes)));
      if (found === undefined) return answer(response, 404);
      answer(response, 200, typed, found);
    });
    const of = (platform: string) => identifyImage(repository, v1, "app", { platform });
    expect(await of("linux/arm/v7")).toMatchObject({ digest: digestOf(v7) });
    await expect(of("linux/arm")).rejects.toMatchObject({ code: "platform-ambiguous" });
    await expect(of("linux/s390x")).rejects.toMatchObject({
      code: "platform-missing",
      hint: expect.stringContaining("linux/arm/v6, linux/arm/v7, linux/amd64"),
    });
    await expect(of("linux/amd64")).rejects.toMatchObject({ code: "manifest-missing" });
  });
});
