import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Descriptor, digestOf, type ImageDocument, mediaTypes, parseTag } from "../../src/oci/index.ts";
import { type Repository, vouchFor } from "../../src/registry/index.ts";
import {
  type RegistryBehavior,
  type RegistryRequestEvent,
  startRegistryServer,
} from "../../src/registry-server/index.ts";
import type { HostSettings } from "../../src/settings/index.ts";
import { clientOf } from "../support/registry-client.ts";

interface Blob {
  readonly bytes: Buffer;
  readonly blob: Descriptor;
}

function blobOf(size: number, mediaType: string = mediaTypes.ociLayer): Blob {
  const bytes = randomBytes(size);
  return { bytes, blob: { mediaType, digest: digestOf(bytes), size } };
}

async function open(behavior: RegistryBehavior, settings: HostSettings = {}) {
  const dir = await mkdtemp(join(tmpdir(), "waybill-behaviors-"));
  const requests: RegistryRequestEvent[] = [];
  const server = await startRegistryServer({ dir, behavior, onRequest: (event) => requests.push(event) });
  const client = clientOf(server.address, { settings });
  onTestFinished(async () => {
    await client.close();
    await server.close();
    await rm(dir, { recursive: true });
  });
  const statuses = (method: string) =>
    requests.filter((request) => request.method === method).map(({ status }) => status);
  return { ...client, requests, statuses };
}

const pushTo = (repository: Repository, { blob, bytes }: Blob) =>
  repository.push(blob, async () => Readable.from([bytes]));

async function read(repository: Repository, { blob }: Blob): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await repository.open(blob)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An image manifest of a config and a layer. */
function manifestOf(config: Blob, layer: Blob, more: object = {}): ImageDocument {
  const json = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: config.blob,
    layers: [layer.blob],
    ...more,
  };
  const bytes = Buffer.from(JSON.stringify(json));
  return { bytes, descriptor: { mediaType: json.mediaType, digest: digestOf(bytes), size: bytes.length } };
}

/** Brings an image into a repository, its manifest under a tag. */
async function pushImage(repository: Repository, tag: string) {
  const config = blobOf(300, mediaTypes.ociConfig);
  const layer = blobOf(5000);
  await pushTo(repository, config);
  await pushTo(repository, layer);
  const manifest = manifestOf(config, layer);
  await repository.put(manifest, parseTag(tag));
  return { config, layer, manifest };
}

const modes: readonly (readonly [string, RegistryBehavior, HostSettings])[] = [
  ["as it is", {}, {}],
  ["that takes one PATCH", { patches: "one" }, {}],
  ["that takes one PATCH, which it is sent", { patches: "one" }, { upload: "one-patch" }],
  ["that takes no PATCH", { patches: "none" }, {}],
  ["that takes small bodies", { maxBodyBytes: 70_000 }, { chunkBytes: 65_536 }],
  ["that mounts what is committed", { mounts: "committed" }, {}],
  ["that mounts nothing", { mounts: "none" }, {}],
  ["that takes no blob in one POST", { singlePost: false }, {}],
  ["that does not say how far uploads are", { uploadStatus: false }, {}],
  ["that does not look at tag parameters", { tagParameters: false }, {}],
  ["that states no digest", { contentDigest: false }, {}],
  ["that has no referrers API", { referrers: false }, {}],
  ["that is slow", { latency: 20 }, {}],
  ["that allows few requests", { rateLimit: { requests: 8, milliseconds: 400 } }, {}],
];

describe.each(modes)("a registry %s", (_, behavior, settings) => {
  it("takes blobs and images, and gives them back", async () => {
    const { repository } = await open(behavior, settings);
    const team = repository();
    const large = blobOf(200_000);
    const empty = blobOf(0);
    for (const each of [large, empty]) expect(await pushTo(team, each)).toBe("pushed");
    expect(await read(team, large)).toEqual(large.bytes);
    expect(await team.has(large.blob)).toBe(true);
    const { manifest } = await pushImage(team, "v1");
    expect(await team.resolve(parseTag("v1"))).toEqual(manifest.descriptor);
    expect((await team.fetch(parseTag("v1")))?.bytes).toEqual(manifest.bytes);
    expect((await team.list())?.tags).toEqual(["v1"]);
  });

  it("takes blobs of its other repositories, mounted or not", async () => {
    const { repository } = await open(behavior, settings);
    const [from, to] = [repository("team/base"), repository("team/app")];
    const { layer } = await pushImage(from, "v1");
    const outcome = await to.push(layer.blob, (offset) => from.open(layer.blob, { from: offset }), {
      mountFrom: from,
    });
    expect(outcome).toBe(behavior.mounts === "none" ? "pushed" : "mounted");
    expect(await read(to, layer)).toEqual(layer.bytes);
  });

  it("keeps referrers", async () => {
    const { repository } = await open(behavior, settings);
    const team = repository();
    const { manifest, config, layer } = await pushImage(team, "v1");
    const signature = manifestOf(config, layer, { subject: manifest.descriptor });
    await team.put(signature);
    const found = await team.referrers(manifest.descriptor.digest);
    expect(found.map(({ digest }) => digest)).toEqual([signature.descriptor.digest]);
  });
});

describe("a registry that allows few requests", () => {
  it("makes nothing fail, and refuses little once that is known", async () => {
    const { repository, statuses } = await open({
      rateLimit: { requests: 20, milliseconds: 1000, retryAfter: 1 },
    });
    const found = await Promise.all(
      Array.from({ length: 100 }, (_, number) => repository().resolve(parseTag(`v${number}`))),
    );
    expect(found).toEqual(found.map(() => undefined));
    expect(statuses("HEAD").filter((status) => status === 404)).toHaveLength(100);
    expect(statuses("HEAD").filter((status) => status === 429).length).toBeLessThan(50);
  });

  it("refuses nothing where the settings say what it allows", async () => {
    const { repository, statuses } = await open(
      { rateLimit: { requests: 20, milliseconds: 1000 } },
      { requestsPerSecond: 20 },
    );
    await Promise.all(
      Array.from({ length: 30 }, (_, number) => repository().resolve(parseTag(`v${number}`))),
    );
    expect(statuses("HEAD")).toEqual(new Array(30).fill(404));
  });
});

describe("what takes fewer requests where a registry can", () => {
  const inMemory = (repository: Repository, { blob, bytes }: Blob) =>
    repository.push(blob, async () => vouchFor(bytes, blob), { inMemory: true });
  const asked = (requests: readonly RegistryRequestEvent[]) =>
    requests.map(({ method, status }) => `${method} ${status}`);

  it("small blobs in one POST, once the first has shown that it is taken", async () => {
    const { repository, requests } = await open({});
    const blobs = [blobOf(100), blobOf(2000), blobOf(30_000)];
    for (const each of blobs) expect(await inMemory(repository(), each)).toBe("pushed");
    expect(asked(requests)).toEqual(["POST 201", "POST 201", "POST 201"]);
    for (const each of blobs) expect(await read(repository(), each)).toEqual(each.bytes);
  });

  it("and in two requests after the first, where it is not", async () => {
    const { repository, requests } = await open({ singlePost: false });
    const blobs = [blobOf(100), blobOf(2000)];
    for (const each of blobs) expect(await inMemory(repository(), each)).toBe("pushed");
    expect(asked(requests)).toEqual(["POST 202", "PUT 201", "POST 202", "PUT 201"]);
    for (const each of blobs) expect(await read(repository(), each)).toEqual(each.bytes);
  });

  it("never bytes that are not those of the blob", async () => {
    const { repository, requests } = await open({});
    const { blob, bytes } = blobOf(100);
    const wrong = repository().push(blob, async () => bytes.subarray(1), { inMemory: true });
    await expect(wrong).rejects.toMatchObject({ code: "digest-mismatch" });
    expect(requests.filter(({ status }) => status === 201)).toEqual([]);
  });

  it.each([
    [{}, 3],
    [{ tagParameters: false }, 22],
  ] as const)("21 tags of an image: %j", async (behavior, puts) => {
    const { repository, statuses } = await open(behavior);
    const { manifest } = await pushImage(repository(), "first");
    const before = statuses("PUT").length;
    const tags = Array.from({ length: 21 }, (_, index) => parseTag(`v${index}`));
    await repository().put(manifest, tags);
    expect(statuses("PUT").length - before).toBe(puts);
    for (const tag of tags) expect(await repository().resolve(tag)).toEqual(manifest.descriptor);
  });
});
