import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type Digest,
  digestOf,
  hexOf,
  type ImageDocument,
  limits,
  mediaTypes,
  parseTag,
} from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { clientOf, openScripted } from "../support/registry-client.ts";
import { afterBody, answer, type Script, type ScriptedServer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";

async function open(script: Script) {
  return openScripted(script, { settings: { retries: 0 } });
}

const nothing = Buffer.from("{}");
const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf(nothing), size: 2 };
const about = { mediaType: mediaTypes.ociIndex, digest: digestOf(Buffer.from("a subject")), size: 9 };

function documentOf(mediaType: string, json: object): ImageDocument {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...json }));
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

const referrer = (name: string, artifactType = "application/sbom"): ImageDocument =>
  documentOf(mediaTypes.ociManifest, {
    artifactType,
    config,
    layers: [config],
    subject: about,
    annotations: { name },
  });

const digests = (found: readonly { digest: Digest }[]) => found.map(({ digest }) => digest).sort();

/**
 * A registry without a referrers API that keeps manifests in memory, by what they are put under and by their digests, and
 * answers a little late.
 */
function plainRegistry(fill: Record<string, ImageDocument> = {}): {
  script: Script;
  held: Map<string, Buffer>;
} {
  const held = new Map<string, Buffer>();
  const hold = (name: string, bytes: Buffer) => held.set(name, bytes).set(digestOf(bytes), bytes);
  for (const [name, { bytes }] of Object.entries(fill)) hold(name, Buffer.from(bytes));
  const script: Script = (request, response, url) => {
    if (url.pathname.endsWith("/tags/list")) {
      const tags = [...held.keys()].filter((name) => !name.includes(":"));
      return answer(response, 200, {}, JSON.stringify({ name: "team/app", tags }));
    }
    const name = decodeURIComponent(url.pathname.split("/manifests/")[1] ?? "");
    if (name === "") return answer(response, 404);
    if (request.method === "PUT") {
      return afterBody(request, (bytes) => {
        hold(name, bytes);
        answer(response, 201);
      });
    }
    const found = held.get(name);
    setTimeout(() => {
      if (found === undefined) return answer(response, 404);
      const { mediaType } = JSON.parse(found.toString()) as { mediaType?: string };
      answer(response, 200, { "content-type": mediaType ?? mediaTypes.ociIndex }, found);
    }, 3);
  };
  return { script, held };
}

const listOf = (...entries: readonly object[]): ImageDocument =>
  documentOf(mediaTypes.ociIndex, { manifests: entries });

const image = (name: string): ImageDocument =>
  documentOf(mediaTypes.ociManifest, { config, layers: [], annotations: { name } });

/** By what the registry was asked to put, in order. */
const putsOf = (server: ScriptedServer): readonly string[] =>
  server.seen.flatMap(({ method, url }) => (method === "PUT" ? [url.split("/manifests/")[1] ?? ""] : []));

const fallbackTag = `sha256-${hexOf(about.digest)}`;

describe("referrers of a registry that keeps count of them", () => {
  async function embedded(): Promise<{ repository: Repository; requests: () => string[] }> {
    const folder = await temporaryFolder("referrers");
    onTestFinished(folder.remove);
    const server = await startRegistryServer({ dir: folder.path });
    onTestFinished(() => server.close());
    const client = clientOf(server.address);
    onTestFinished(client.close);
    await client.repository().push(config, async () => Readable.from([nothing]));
    return { repository: client.repository(), requests: client.requests };
  }

  it("are what the registry says, filtered, and no tag is written", async () => {
    const { repository, requests } = await embedded();
    const sbom = referrer("a");
    const signature = referrer("b", "application/signature");
    for (const document of [sbom, signature]) await repository.put(document);
    const all = await repository.referrers(about.digest);
    expect(digests(all)).toEqual(digests([sbom.descriptor, signature.descriptor]));
    expect(all.map(({ annotations }) => annotations)).toEqual(
      expect.arrayContaining([{ name: "a" }, { name: "b" }]),
    );
    const some = await repository.referrers(about.digest, "application/signature");
    expect(some).toMatchObject([{ ...signature.descriptor, artifactType: "application/signature" }]);
    expect(requests().filter((kind) => kind === "manifest-put")).toHaveLength(2);
    expect(requests().filter((kind) => kind === "manifest-get")).toEqual([]);
    expect((await repository.list())?.tags).toEqual([]);
  });

  it("are filtered here, whatever the registry does with the filter, and come page by page", async () => {
    const [one, two] = ["one", "two"].map((name) => ({
      ...referrer(name).descriptor,
      artifactType: name === "one" ? "wanted" : "other",
    }));
    const { repository } = await open((_, response, url) => {
      const last = url.searchParams.has("last");
      const link = `<${url.pathname}?last=1>; rel="next"`;
      const index = documentOf(mediaTypes.ociIndex, { manifests: [last ? two : one] });
      answer(response, 200, { "content-type": mediaTypes.ociIndex, ...(last ? {} : { link }) }, index.bytes);
    });
    expect(digests(await repository().referrers(about.digest))).toEqual(
      digests([one, two].flatMap((d) => d ?? [])),
    );
    expect(await repository().referrers(about.digest, "wanted")).toEqual([one]);
  });

  it("security point 8: end somewhere", async () => {
    let page = 0;
    const entries = Array.from({ length: 1000 }, () => referrer("same").descriptor);
    const index = documentOf(mediaTypes.ociIndex, { manifests: entries });
    const { repository } = await open((_, response, url) => {
      page += 1;
      const link = `<${url.pathname}?last=${page}>; rel="next"`;
      answer(response, 200, { "content-type": mediaTypes.ociIndex, link }, index.bytes);
    });
    await expect(repository().referrers(about.digest)).rejects.toMatchObject({ code: "too-large" });
    expect(page * 1000).toBeLessThan(limits.closureDescriptors * 2);
  });
});

describe("referrers of a registry that does not", () => {
  it("are kept under a tag, with what describes them, and each only once", async () => {
    const { script, held } = plainRegistry();
    const { repository } = await open(script);
    for (const name of ["a", "b", "a"]) await repository().put(referrer(name));
    const index = JSON.parse(held.get(fallbackTag)?.toString() ?? "") as { manifests: unknown[] };
    expect(index).toMatchObject({ schemaVersion: 2, mediaType: mediaTypes.ociIndex });
    expect(index.manifests).toEqual(
      ["a", "b"].map((name) => ({
        ...referrer(name).descriptor,
        artifactType: "application/sbom",
        annotations: { name },
      })),
    );
    expect(digests(await repository().referrers(about.digest))).toEqual(
      digests([referrer("a").descriptor, referrer("b").descriptor]),
    );
    expect(await repository().referrers(about.digest, "application/other")).toEqual([]);
  });

  it("are all kept when many are put at once", async () => {
    const { script } = plainRegistry();
    const { repository } = await open(script);
    const all = Array.from({ length: 12 }, (_, number) => referrer(`${number}`));
    await Promise.all(all.map((document) => repository().put(document)));
    const found = await repository().referrers(about.digest);
    expect(digests(found)).toEqual(digests(all.map(({ descriptor }) => descriptor)));
  });

  it("are put in again when another process has overwritten them, and not for ever", async () => {
    const theirs = listOf(referrer("theirs").descriptor).bytes;
    for (const times of [1, 3, Number.POSITIVE_INFINITY]) {
      const { script, held } = plainRegistry({ theirs: referrer("theirs") });
      let overwritten = 0;
      const { repository } = await open((request, response, url) => {
        const isRead = request.method === "GET" && url.pathname.endsWith(fallbackTag);
        if (isRead && held.has(fallbackTag) && overwritten < times) {
          overwritten += 1;
          held.set(fallbackTag, Buffer.from(theirs));
        }
        script(request, response, url);
      });
      const putting = repository().put(referrer("ours"));
      if (times === Number.POSITIVE_INFINITY) {
        await expect(putting).rejects.toMatchObject({ code: "referrer-unconfirmed" });
        continue;
      }
      await putting;
      const all = [referrer("ours"), referrer("theirs")].map(({ descriptor }) => descriptor);
      expect(digests(await repository().referrers(about.digest))).toEqual(digests(all));
    }
  });

  it("leave what others have written there as it is", async () => {
    const entry = {
      ...referrer("theirs").descriptor,
      urls: ["https://example.com"],
      "x-other": { deep: [1] },
    };
    const index = { schemaVersion: 2, manifests: [entry], annotations: { by: "others" }, "x-top": true };
    const bytes = Buffer.from(JSON.stringify(index));
    const descriptor = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
    const { script, held } = plainRegistry({
      [fallbackTag]: { bytes, descriptor },
      theirs: referrer("theirs"),
    });
    const { repository } = await open(script);
    await repository().put(referrer("ours"));
    const written = JSON.parse(held.get(fallbackTag)?.toString() ?? "");
    expect(written).toMatchObject({ annotations: { by: "others" }, "x-top": true });
    expect(written.manifests[0]).toEqual(entry);
    expect(written.manifests).toHaveLength(2);
  });

  it("are none where nothing has the tag", async () => {
    const { script } = plainRegistry();
    const { repository } = await open(script);
    expect(await repository().referrers(about.digest)).toEqual([]);
  });

  it("are not looked for when a manifest is about nothing", async () => {
    const { script } = plainRegistry();
    const { repository, requests } = await open(script);
    await repository().put(documentOf(mediaTypes.ociIndex, { manifests: [] }), parseTag("v1"));
    expect(requests()).toEqual(["manifest-put"]);
  });

  it("are entered after their digest is there and before their tags are", async () => {
    const { script } = plainRegistry();
    const { repository, server } = await open(script);
    const { descriptor } = referrer("a");
    await repository().put(referrer("a"), parseTag("v1"));
    expect(putsOf(server)).toEqual([descriptor.digest, fallbackTag, "v1"]);
    const failing = await open((request, response, url) => {
      const isList = request.method === "PUT" && url.pathname.endsWith(fallbackTag);
      return isList ? answer(response, 500) : plainRegistry().script(request, response, url);
    });
    await expect(failing.repository().put(referrer("a"), parseTag("v1"))).rejects.toMatchObject({
      code: "server-error",
    });
    expect(putsOf(failing.server)).toEqual([descriptor.digest, fallbackTag]);
  });

  it("are kept under the tag where a registry says that it keeps them and has no API", async () => {
    const { script, held } = plainRegistry();
    const { repository } = await open((request, response, url) => {
      if (request.method === "PUT") response.setHeader("oci-subject", about.digest);
      script(request, response, url);
    });
    await repository().put(referrer("a"));
    expect(held.has(fallbackTag)).toBe(true);
    expect(digests(await repository().referrers(about.digest))).toEqual([referrer("a").descriptor.digest]);
  });
});

describe("the referrers tag", () => {
  const subject = listOf({ ...image("arm").descriptor, platform: { os: "linux", architecture: "arm64" } });
  const tag = `sha256-${hexOf(subject.descriptor.digest)}`;
  const sbomOf = (of: ImageDocument, fields: object = { artifactType: "application/sbom" }) =>
    documentOf(mediaTypes.ociManifest, { config, layers: [config], subject: of.descriptor, ...fields });
  const sbom = sbomOf(subject);
  const other = listOf({ ...image("amd").descriptor, platform: { os: "linux", architecture: "amd64" } });
  const held = { arm: image("arm"), amd: image("amd"), sbom, ofOther: sbomOf(other) };

  const inTheWay: Record<string, ImageDocument> = {
    "the image itself": subject,
    "another image": image("amd"),
    "an index of images": other,
    "an index that lists the image": listOf(subject.descriptor, sbom.descriptor),
    "a list of what is about something else": listOf(sbomOf(other).descriptor),
  };
  for (const [what, document] of Object.entries(inTheWay)) {
    it(`is not taken for a list, nor written, where it is that of ${what}`, async () => {
      const registry = plainRegistry({ ...held, [tag]: document });
      const { repository, server } = await open(registry.script);
      expect(await repository().referrers(subject.descriptor.digest)).toEqual([]);
      expect(await repository().isListedReferrer?.(sbom)).toBe(false);
      const putting = repository().put(sbom, parseTag("sbom"));
      await expect(putting).rejects.toMatchObject({
        code: "referrers-tag-taken",
        hint: expect.stringContaining("delete the tag alone"),
      });
      expect(putsOf(server)).toEqual([sbom.descriptor.digest]);
      expect(registry.held.get(tag)).toEqual(Buffer.from(document.bytes));
    });
  }

  it("is free where a registry answers for it with the image, and lists no such tag", async () => {
    const registry = plainRegistry(held);
    const { repository } = await open((request, response, url) => {
      const isAsked = request.method === "GET" && url.pathname.endsWith(tag) && !registry.held.has(tag);
      if (!isAsked) return registry.script(request, response, url);
      answer(response, 200, { "content-type": mediaTypes.ociIndex }, subject.bytes);
    });
    await repository().put(sbom, parseTag("sbom"));
    expect(digests(await repository().referrers(subject.descriptor.digest))).toEqual([
      sbom.descriptor.digest,
    ]);
    expect(JSON.parse(registry.held.get(tag)?.toString() ?? "").manifests).toHaveLength(1);
  });

  it("is believed only as far as the manifests that it names bear it out", async () => {
    const old = sbomOf(subject, { artifactType: "application/old" });
    const list = listOf(
      image("arm").descriptor,
      { ...sbomOf(other).descriptor, artifactType: "application/sbom" },
      { ...referrer("deleted").descriptor, artifactType: "application/sbom" },
      { ...old.descriptor, artifactType: mediaTypes.ociEmpty },
      sbom.descriptor,
    );
    const registry = plainRegistry({ ...held, old, [tag]: list });
    const { repository, server } = await open(registry.script);
    const found = await repository().referrers(subject.descriptor.digest);
    expect(found).toEqual([
      { ...old.descriptor, artifactType: "application/old" },
      { ...sbom.descriptor, artifactType: "application/sbom" },
    ]);
    expect(await repository().referrers(subject.descriptor.digest, "application/old")).toEqual([found[0]]);
    expect(await repository().referrers(subject.descriptor.digest, "application/none")).toEqual([]);
    // One that is polluted is a list all the same: what it holds stays, and it grows.
    await repository().put(sbomOf(subject, { artifactType: "application/new" }));
    expect(JSON.parse(registry.held.get(tag)?.toString() ?? "").manifests).toHaveLength(6);
    expect(putsOf(server)).toHaveLength(2);
  });

  it("security: a flood of entries is not read to its end, and not called none", async () => {
    const flood = Array.from({ length: 5000 }, (_, at) => ({ ...referrer(`${at}`).descriptor }));
    const registry = plainRegistry({ ...held, [tag]: listOf(...flood, sbom.descriptor) });
    const { repository, server } = await open(registry.script);
    await expect(repository().referrers(subject.descriptor.digest)).rejects.toMatchObject({
      code: "too-large",
    });
    expect(await repository().isListedReferrer?.(sbom)).toBe(true);
    expect(server.seen.length).toBeLessThan(10);
  });

  it("is not read when one of its entries cannot be", async () => {
    const registry = plainRegistry({ ...held, [tag]: listOf(sbom.descriptor) });
    const { repository } = await open((request, response, url) => {
      if (url.pathname.endsWith(sbom.descriptor.digest)) return answer(response, 403);
      registry.script(request, response, url);
    });
    await expect(repository().referrers(subject.descriptor.digest)).rejects.toMatchObject({ code: "denied" });
  });
});

describe("what answers in the place of the referrers API", () => {
  const html: [number, Record<string, string>, string] = [
    200,
    { "content-type": "text/html" },
    "<html></html>",
  ];
  const answers: Record<string, [number, Record<string, string>, string | Uint8Array]> = {
    "a web page": html,
    "something else in JSON": [200, { "content-type": "application/json" }, '{"status":"ok"}'],
    "a manifest": [200, { "content-type": mediaTypes.ociManifest }, image("x").bytes],
    "half a list": [200, { "content-type": mediaTypes.ociIndex }, '{"schemaVersion":2,"manifests":['],
  };
  for (const [what, reply] of Object.entries(answers)) {
    it(`is not "none" when it is ${what}, and the tag is asked`, async () => {
      const registry = plainRegistry();
      const { repository } = await open((request, response, url) => {
        if (url.pathname.includes("/referrers/")) return answer(response, ...reply);
        registry.script(request, response, url);
      });
      await expect(repository().referrers(about.digest)).rejects.toMatchObject({
        code: "unexpected-response",
      });
      await expect(repository().isListedReferrer?.(referrer("a"))).rejects.toMatchObject({
        code: "unexpected-response",
      });
      await repository().put(referrer("a"));
      expect(digests(await repository().referrers(about.digest))).toEqual([referrer("a").descriptor.digest]);
      expect(await repository().isListedReferrer?.(referrer("a"))).toBe(true);
    });
  }

  it("is no API where the path is unknown, however that is said", async () => {
    for (const status of [400, 404, 405, 406, 501]) {
      const registry = plainRegistry();
      const { repository } = await open((request, response, url) => {
        if (url.pathname.includes("/referrers/")) return answer(response, status);
        registry.script(request, response, url);
      });
      expect(await repository().referrers(about.digest)).toEqual([]);
      await repository().put(referrer("a"));
      expect(await repository().referrers(about.digest)).toHaveLength(1);
    }
  });

  it("is not a whole list when a page of it is missing, and is one of nothing when it is null", async () => {
    const one = listOf(referrer("one").descriptor);
    for (const rest of [[404, {}, ""] as [number, Record<string, string>, string], html]) {
      const { repository } = await open((_, response, url) => {
        if (url.searchParams.has("last")) return answer(response, ...rest);
        const link = `<${url.pathname}?last=1>; rel="next"`;
        answer(response, 200, { "content-type": mediaTypes.ociIndex, link }, one.bytes);
      });
      await expect(repository().referrers(about.digest)).rejects.toMatchObject({
        code: "unexpected-response",
      });
    }
    const { repository } = await open((_, response) =>
      answer(response, 200, {}, `{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":null}`),
    );
    expect(await repository().referrers(about.digest)).toEqual([]);
  });

  it("is looked into where it does not filter, and does not say of what type an entry is", async () => {
    const [wanted, unwanted] = [referrer("a", "wanted"), referrer("b", "unwanted")];
    const registry = plainRegistry({ a: wanted, b: unwanted });
    const { repository } = await open((request, response, url) => {
      if (!url.pathname.includes("/referrers/")) return registry.script(request, response, url);
      const list = listOf(wanted.descriptor, { ...unwanted.descriptor, artifactType: mediaTypes.ociEmpty });
      answer(response, 200, { "content-type": mediaTypes.ociIndex }, list.bytes);
    });
    expect(await repository().referrers(about.digest, "wanted")).toMatchObject([
      { ...wanted.descriptor, artifactType: "wanted" },
    ]);
  });
});

describe("lists of referrers with other writers", () => {
  it("are looked at after longer than any answer has taken", async () => {
    const registry = plainRegistry();
    const slow = 60;
    const times: number[] = [];
    const { repository } = await open((request, response, url) => {
      const isList = url.pathname.endsWith(fallbackTag);
      if (isList) times.push(performance.now());
      const isFirst = isList && times.length === 1;
      if (isFirst) setTimeout(() => registry.script(request, response, url), slow);
      else registry.script(request, response, url);
    });
    await repository().put(referrer("a"));
    const [, written = 0, looked = 0] = times;
    expect(looked - written).toBeGreaterThan(3 * slow);
  });

  const theirs = listOf(referrer("theirs").descriptor).bytes;

  it("are looked at again at the end, and mended until they stay", async () => {
    const registry = plainRegistry({ theirs: referrer("theirs") });
    const { repository } = await open(registry.script);
    await repository().put(referrer("ours"));
    expect(await repository().confirmReferrers?.()).toEqual([]);
    registry.held.set(fallbackTag, Buffer.from(theirs));
    expect(await repository().confirmReferrers?.()).toEqual([]);
    const all = [referrer("ours"), referrer("theirs")].map(({ descriptor }) => descriptor);
    expect(digests(await repository().referrers(about.digest))).toEqual(digests(all));
  });

  it("are called unconfirmed when somebody goes on overwriting them", async () => {
    const registry = plainRegistry({ theirs: referrer("theirs") });
    let isHostile = false;
    const { repository } = await open((request, response, url) => {
      if (isHostile && request.method === "GET") registry.held.set(fallbackTag, Buffer.from(theirs));
      registry.script(request, response, url);
    });
    await repository().put(referrer("ours"));
    isHostile = true;
    expect(await repository().confirmReferrers?.()).toEqual([referrer("ours").descriptor.digest]);
  });
});
