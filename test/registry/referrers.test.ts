import { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
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
import { clientOf } from "../support/registry-client.ts";
import { answer, type Script, startScriptedServer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(script: Script) {
  const server = await startScriptedServer(script);
  closing.push(server.close);
  const client = clientOf(server.host, { settings: { retries: 0 } });
  closing.push(client.close);
  return { ...client, server };
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

/** A registry without a referrers API that keeps manifests in memory, and answers a little late. */
function plainRegistry(fill: Record<string, Buffer> = {}): { script: Script; held: Map<string, Buffer> } {
  const held = new Map(Object.entries(fill));
  const script: Script = (request, response, url) => {
    const name = decodeURIComponent(url.pathname.split("/manifests/")[1] ?? "");
    if (name === "") return answer(response, 404);
    if (request.method === "PUT") {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        held.set(name, Buffer.concat(chunks));
        answer(response, 201);
      });
      return;
    }
    const found = held.get(name);
    setTimeout(() => {
      if (found === undefined) return answer(response, 404);
      answer(response, 200, { "content-type": mediaTypes.ociIndex }, found);
    }, 3);
  };
  return { script, held };
}

const fallbackTag = `sha256-${hexOf(about.digest)}`;

describe("referrers of a registry that keeps count of them", () => {
  async function embedded(): Promise<{ repository: Repository; requests: () => string[] }> {
    const folder = await temporaryFolder("referrers");
    closing.push(folder.remove);
    const server = await startRegistryServer({ dir: folder.path });
    closing.push(() => server.close());
    const client = clientOf(server.address);
    closing.push(client.close);
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
    const theirs = JSON.stringify({ schemaVersion: 2, manifests: [referrer("theirs").descriptor] });
    for (const times of [1, 3, Number.POSITIVE_INFINITY]) {
      const { script, held } = plainRegistry();
      let overwritten = 0;
      const { repository } = await open((request, response, url) => {
        if (request.method === "GET" && held.has(fallbackTag) && overwritten < times) {
          overwritten += 1;
          held.set(fallbackTag, Buffer.from(theirs));
        }
        script(request, response, url);
      });
      const putting = repository().put(referrer("ours"));
      if (times === Number.POSITIVE_INFINITY) {
        await expect(putting).rejects.toMatchObject({ code: "unexpected-response" });
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
    const { script, held } = plainRegistry({ [fallbackTag]: Buffer.from(JSON.stringify(index)) });
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

  it("are not written over an image that has their tag", async () => {
    const image = documentOf(mediaTypes.ociManifest, { config, layers: [] });
    const { script } = plainRegistry();
    const { repository } = await open((request, response, url) => {
      if (request.method === "GET" && url.pathname.endsWith(fallbackTag)) {
        return answer(response, 200, { "content-type": mediaTypes.ociManifest }, image.bytes);
      }
      script(request, response, url);
    });
    await expect(repository().put(referrer("a"))).rejects.toMatchObject({ code: "unexpected-response" });
  });
});
