import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type BlobOutcome, Copier, readGraph } from "../../src/copy/index.ts";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import {
  type Descriptor,
  digestOf,
  type ImageDocument,
  mediaTypes,
  parseRepository,
  parseTag,
} from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { testWith } from "../support/programs.ts";
import { answer } from "../support/scripted-server.ts";
import { openWorld, type PromotionWorld, registriesWith } from "../support/world.ts";

let world: PromotionWorld;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const v1 = parseTag("v1");
const staged = (name: string) =>
  world.registries.repository(parseRepository(`${world.staging.host}/${name}`));
const produced = (name: string) =>
  world.registries.repository(parseRepository(`${world.production.host}/${name}`));

/** A copier that counts how blobs came to be where they are. */
function countingCopier() {
  const outcomes: Record<BlobOutcome, number> = { present: 0, mounted: 0, pushed: 0, foreign: 0 };
  const copier = new Copier((event) => {
    if (event.type === "blob-finished") outcomes[event.outcome] += 1;
  });
  const copy = async (root: ImageDocument, from: Repository, to: Repository, empty = true) => {
    const graph = await readGraph(from.fetch, root.descriptor.digest, from.name);
    await copier.copyClosure({ graph, from, to: [{ repository: to, empty }] })[0];
    await copier.putRoot(root, to, [v1]);
  };
  return { outcomes, copy };
}

async function pushBytes(to: Repository, bytes: Buffer, mediaType: string): Promise<Descriptor> {
  const blob = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await to.push(blob, async () => Readable.from([bytes]));
  return blob;
}

function documentOf(json: { mediaType: string; [field: string]: unknown }): ImageDocument {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...json }));
  return { descriptor: { mediaType: json.mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

async function expectWhole(to: Repository, root: ImageDocument): Promise<void> {
  expect(await to.fetch(v1)).toEqual(root);
  const graph = await readGraph(to.fetch, root.descriptor.digest, to.name);
  for (const blob of graph.blobs) for await (const _ of await to.open(blob));
}

describe("images that share blobs", () => {
  test("send each blob to a host once, whichever repository asks first", async () => {
    const { root, blobs } = await world.stage("app", "v1");
    const { copy, outcomes } = countingCopier();
    const regions = ["eu", "us", "asia"].map((region) => produced(`${region}/app`));
    await Promise.all(regions.map((to) => copy(root, staged("app"), to)));
    expect(outcomes).toEqual({ present: 0, pushed: blobs.length, mounted: 2 * blobs.length, foreign: 0 });
    for (const to of regions) await expectWhole(to, root);
  });

  test("go on when the repository that was first fails: the others send the blob themselves", async () => {
    const { root } = await world.stage("app", "v1");
    world.production.interfere((request, url) =>
      request.method !== "GET" && request.method !== "HEAD" && url.pathname.startsWith("/v2/first/")
        ? (response) => answer(response, 403)
        : undefined,
    );
    const { copy } = countingCopier();
    const [first, ...others] = await Promise.allSettled(
      ["first", "second", "third"].map((name) => copy(root, staged("app"), produced(name))),
    );
    expect(first).toMatchObject({ status: "rejected", reason: { code: "denied" } });
    expect(others.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
    for (const name of ["second", "third"]) await expectWhole(produced(name), root);
  });

  test("may fail and be asked for again within one run", async () => {
    const { root } = await world.stage("app", "v1");
    world.production.interfere((request) => (request.method === "PUT" ? "break" : undefined));
    const { copy } = countingCopier();
    await expect(copy(root, staged("app"), produced("app"))).rejects.toMatchObject({ code: "unreachable" });
    world.production.interfere();
    await copy(root, staged("app"), produced("app"));
    await expectWhole(produced("app"), root);
  });
});

describe("an image that says a wrong size of a layer", () => {
  /** Two images of one layer, of which the second says that the layer has one byte more. */
  async function stageBoth(name: string) {
    const from = staged(name);
    const config = await pushBytes(from, Buffer.from("{}"), mediaTypes.ociConfig);
    const layer = await pushBytes(from, Buffer.from("a layer"), mediaTypes.ociLayer);
    const imageOf = (size: number) =>
      documentOf({ mediaType: mediaTypes.ociManifest, config, layers: [{ ...layer, size }] });
    const [right, wrong] = [imageOf(layer.size), imageOf(layer.size + 1)];
    await from.put(right);
    // The embedded registry takes no such image, others do.
    const lying: Repository = Object.assign(Object.create(from), { fetch: async () => wrong });
    return { right, wrong, from, lying };
  }

  test.each([
    ["after", "another repository", true],
    ["after", "the same repository", true],
    ["after", "the same repository", false],
    ["beside", "another repository", true],
    ["beside", "the same repository", true],
  ])(
    "is not carried by another image that is copied %s it, to %s (empty: %s)",
    async (when, where, empty) => {
      const { right, wrong, from, lying } = await stageBoth("app");
      const { copy } = countingCopier();
      const to = produced(where === "the same repository" ? "app" : "other");
      const good = copy(right, from, produced("app"));
      if (when === "after") await good;
      const [bad] = await Promise.allSettled([copy(wrong, lying, to, empty), good]);
      expect(bad).toMatchObject({ status: "rejected", reason: { code: "size-mismatch" } });
      await expectWhole(produced("app"), right);
    },
  );

  test("is not taken for there because the host mounts a blob of that digest", async () => {
    const { right, wrong, from, lying } = await stageBoth("app");
    const { copy, outcomes } = countingCopier();
    await copy(right, from, produced("one"));
    await copy(right, from, produced("two"));
    expect(outcomes.mounted).toBeGreaterThan(0);
    await expect(copy(wrong, lying, produced("two"), false)).rejects.toMatchObject({ code: "size-mismatch" });
  });
});

describe("a host that does not mount", () => {
  beforeEach(() => {
    world.production.interfere((request, url) => {
      const mounting = request.method === "POST" && url.searchParams.has("mount");
      return mounting ? (response) => answer(response, 405) : undefined;
    });
  });

  test("gets the bytes, and is asked before it gets them again", async () => {
    const { root, blobs } = await world.stage("app", "v1");
    await countingCopier().copy(root, staged("app"), produced("one"));
    const within = countingCopier();
    await within.copy(root, produced("one"), produced("two"));
    expect(within.outcomes).toEqual({ present: 0, pushed: blobs.length, mounted: 0, foreign: 0 });
    await expectWhole(produced("two"), root);

    const next = await buildImage("other", "v1");
    await pushImage(next, produced("one"), [parseTag("v2")]);
    await pushImage(next, produced("three"), [parseTag("v2")]);
    await within.copy(next.root, produced("one"), produced("three"), false);
    expect(within.outcomes).toMatchObject({ present: next.blobs.length, pushed: blobs.length });
    await expectWhole(produced("three"), next.root);
  });
});

describe("unusual images", () => {
  test("a layer whose bytes are those of a manifest of the same image", async () => {
    const from = staged("odd");
    const config = await pushBytes(from, Buffer.from("{}"), mediaTypes.ociConfig);
    const child = documentOf({ mediaType: mediaTypes.ociManifest, config, layers: [] });
    const layer = await pushBytes(from, Buffer.from(child.bytes), mediaTypes.ociLayer);
    const other = documentOf({ mediaType: mediaTypes.ociManifest, config, layers: [layer] });
    await from.put(child);
    await from.put(other);
    const root = documentOf({
      mediaType: mediaTypes.ociIndex,
      manifests: [child.descriptor, other.descriptor],
    });
    await from.put(root, v1);
    await countingCopier().copy(root, from, produced("odd"));
    await expectWhole(produced("odd"), root);
    expect(await produced("odd").fetch(child.descriptor.digest)).toEqual(child);
  });

  test("a build cache: an index that lists layers", async () => {
    const from = staged("cache");
    const layer = await pushBytes(from, Buffer.from("cached"), mediaTypes.ociLayer);
    const config = await pushBytes(from, Buffer.from("{}"), "application/vnd.buildkit.cacheconfig.v0");
    const root = documentOf({ mediaType: mediaTypes.ociIndex, manifests: [layer, config] });
    await from.put(root, v1);
    await countingCopier().copy(root, from, produced("cache"));
    await expectWhole(produced("cache"), root);
  });

  test("indexes within indexes, sharing a manifest", async () => {
    const from = staged("nested");
    const config = await pushBytes(from, Buffer.from("{}"), mediaTypes.ociConfig);
    const leaf = documentOf({ mediaType: mediaTypes.ociManifest, config, layers: [] });
    const inner = documentOf({ mediaType: mediaTypes.ociIndex, manifests: [leaf.descriptor] });
    const root = documentOf({
      mediaType: mediaTypes.ociIndex,
      manifests: [leaf.descriptor, inner.descriptor],
    });
    for (const document of [leaf, inner]) await from.put(document);
    await from.put(root, v1);
    await countingCopier().copy(root, from, produced("nested"));
    await expectWhole(produced("nested"), root);
  });
});

test("large blobs in chunks and small ones in one piece do not wait for each other for ever", async () => {
  const tight = await openWorld({ retries: 0, concurrency: 1, chunkBytes: 64 * 1024 });
  try {
    const at = (host: string) => tight.registries.repository(parseRepository(`${host}/app`));
    const from = at(tight.staging.host);
    const sizes = [4_000_000, 100, 4_000_001, 101, 4_000_002, 102];
    const layers: Descriptor[] = [];
    for (const size of sizes)
      layers.push(await pushBytes(from, Buffer.alloc(size, size), mediaTypes.ociLayer));
    const config = await pushBytes(from, Buffer.from("{}"), mediaTypes.ociConfig);
    const root = documentOf({ mediaType: mediaTypes.ociManifest, config, layers });
    await from.put(root, v1);
    const { copy, outcomes } = countingCopier();
    await copy(root, from, at(tight.production.host));
    expect(outcomes.pushed).toBe(sizes.length + 1);
    await expectWhole(at(tight.production.host), root);
  } finally {
    await tight.close();
  }
});

describe("real parts", () => {
  const real = testWith("docker-registry");

  real("within one docker-registry, no byte travels", async () => {
    const registry = await startDockerRegistry();
    const registries = registriesWith();
    try {
      const at = (name: string) => registries.repository(parseRepository(`${registry.host}/${name}`));
      const image = await buildImage("app", "v1");
      await pushImage(image, at("staging/app"), [v1]);
      const { copy, outcomes } = countingCopier();
      await copy(image.root, at("staging/app"), at("production/app"));
      expect(outcomes).toEqual({ present: 0, pushed: 0, mounted: image.blobs.length, foreign: 0 });
      await expectWhole(at("production/app"), image.root);
    } finally {
      await registries.close();
      await registry.stop();
    }
  });

  test("from a registry into a folder, from there into another, and back", async () => {
    const { root } = await world.stage("app", "v1");
    const locations = [{ repository: "disk.example.com", at: `oci:${world.folder}/disk` }];
    const registries = registriesWith({ locations });
    const disk = (name: string) => registries.repository(parseRepository(`disk.example.com/${name}`));
    const { copy } = countingCopier();
    await copy(root, staged("app"), disk("one"));
    await copy(root, disk("one"), disk("two"));
    await copy(root, disk("two"), produced("back"));
    await expectWhole(disk("two"), root);
    await expectWhole(produced("back"), root);
    await registries.close();
  });
});
