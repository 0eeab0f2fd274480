import { describe, expect, test } from "vitest";
import { createDocumentCache, type FetchDocument, readGraph, WideImages } from "../../src/copy/index.ts";
import {
  type Descriptor,
  type Digest,
  digestOf,
  type ImageDocument,
  limits,
  mediaTypes,
} from "../../src/oci/index.ts";

function documentOf(json: { mediaType: string; [field: string]: unknown }): ImageDocument {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...json }));
  return { descriptor: { mediaType: json.mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

const config: Descriptor = { mediaType: mediaTypes.ociConfig, digest: digestOf(Buffer.from("{}")), size: 2 };
const leafOf = (name: string) =>
  documentOf({ mediaType: mediaTypes.ociManifest, config, layers: [], annotations: { name } });
const indexOf = (...children: readonly Descriptor[]) =>
  documentOf({ mediaType: mediaTypes.ociIndex, manifests: children });

function holding(...documents: readonly ImageDocument[]): FetchDocument {
  const held = new Map(documents.map((document) => [document.descriptor.digest, document]));
  return async (digest) => held.get(digest);
}

const read = (root: ImageDocument, ...others: readonly ImageDocument[]) =>
  readGraph(holding(root, ...others), root.descriptor.digest, "reg.example.com/app");

const digests = (documents: readonly { readonly document: ImageDocument }[]): Digest[] =>
  documents.map(({ document }) => document.descriptor.digest);

describe("reading the graph of an image", () => {
  test("lists every manifest once, children before the indexes that list them", async () => {
    const [one, two] = [leafOf("one"), leafOf("two")];
    const inner = indexOf(two.descriptor);
    const middle = indexOf(inner.descriptor, one.descriptor);
    const root = indexOf(one.descriptor, middle.descriptor, inner.descriptor);
    const graph = await read(root, one, two, inner, middle);
    const order = digests(graph.children);
    expect([...order].sort()).toEqual(
      [one, two, inner, middle].map(({ descriptor }) => descriptor.digest).sort(),
    );
    for (const { document, content } of graph.children) {
      for (const child of content.children) {
        expect(order.indexOf(child.digest)).toBeLessThan(order.indexOf(document.descriptor.digest));
      }
    }
    expect(graph.blobs).toEqual([config]);
  });

  test("ends at an index that claims to list itself", async () => {
    const root = indexOf();
    const cyclic = indexOf(root.descriptor);
    const lying: FetchDocument = async () => ({ ...cyclic, descriptor: root.descriptor });
    const graph = await readGraph(lying, root.descriptor.digest, "reg.example.com/app");
    expect(graph.children).toEqual([]);
  });

  test("ends where a registry makes up ever more indexes", async () => {
    let made = 0;
    const endless: FetchDocument = async () => {
      made += 1;
      const next = indexOf();
      const digest = digestOf(Buffer.from(`${made}`));
      return indexOf({
        ...next.descriptor,
        digest,
        size: indexOf({ ...next.descriptor, digest }).bytes.length,
      });
    };
    await expect(readGraph(endless, config.digest, "reg.example.com/app")).rejects.toMatchObject({
      code: expect.stringMatching(/too-large|size-mismatch/),
    });
    expect(made).toBeLessThanOrEqual(limits.indexDepth + 2);
  });

  test("refuses more objects than the limit", async () => {
    const layers = Array.from({ length: limits.closureDescriptors }, (_, index) => ({
      mediaType: mediaTypes.ociLayer,
      digest: digestOf(Buffer.from(`${index}`)),
      size: 1,
    }));
    const root = documentOf({ mediaType: mediaTypes.ociManifest, config, layers });
    await expect(read(root)).rejects.toMatchObject({ code: "too-large" });
  });

  test("refuses an index that is wrong about a child", async () => {
    const leaf = leafOf("one");
    const wrongSize = indexOf({ ...leaf.descriptor, size: leaf.descriptor.size + 1 });
    await expect(read(wrongSize, leaf)).rejects.toMatchObject({ code: "size-mismatch" });
    const wrongType = indexOf({ ...leaf.descriptor, mediaType: mediaTypes.dockerManifest });
    await expect(read(wrongType, leaf)).rejects.toMatchObject({ code: "media-type-mismatch" });
  });

  test("refuses an image that says two things of the same manifest", async () => {
    const leaf = leafOf("one");
    const lying = indexOf({ ...leaf.descriptor, size: leaf.descriptor.size + 1 });
    const later = indexOf(leaf.descriptor, indexOf(lying.descriptor).descriptor);
    const all = [leaf, lying, indexOf(lying.descriptor)];
    await expect(read(later, ...all)).rejects.toMatchObject({ code: "size-mismatch" });
    const twice = indexOf(leaf.descriptor, { ...leaf.descriptor, mediaType: mediaTypes.dockerManifest });
    await expect(read(twice, leaf)).rejects.toMatchObject({ code: "media-type-mismatch" });
  });

  test("refuses an image that says two sizes of the same blob", async () => {
    const layers = [{ ...config, mediaType: mediaTypes.ociLayer, size: config.size + 1 }];
    const root = documentOf({ mediaType: mediaTypes.ociManifest, config, layers });
    await expect(read(root)).rejects.toMatchObject({ code: "size-mismatch" });
  });

  test("asks for nothing of an index whose children are too large together", async () => {
    const asked: Digest[] = [];
    const children = Array.from({ length: 10 }, (_, at) => {
      const descriptor = leafOf(`${at}`).descriptor;
      return { ...descriptor, size: Math.ceil(limits.closureBytes / 10) };
    });
    const root = indexOf(...children);
    const fetch: FetchDocument = async (digest) => {
      asked.push(digest);
      return digest === root.descriptor.digest ? root : undefined;
    };
    await expect(readGraph(fetch, root.descriptor.digest, "reg.example.com/app")).rejects.toMatchObject({
      code: "too-large",
    });
    expect(asked).toEqual([root.descriptor.digest]);
  });

  test("stops asking at the first child that is not what it is said to be", async () => {
    let asked = 0;
    const children = Array.from({ length: 5000 }, (_, at) => leafOf(`${at}`).descriptor);
    const root = indexOf(...children);
    const fetch: FetchDocument = async (digest) => {
      asked += 1;
      return digest === root.descriptor.digest ? root : leafOf("another");
    };
    await expect(readGraph(fetch, root.descriptor.digest, "reg.example.com/app")).rejects.toThrow();
    expect(asked).toBeLessThan(50);
  });

  test("refuses indexes that claim to list each other", async () => {
    const inner = indexOf();
    const root = indexOf(inner.descriptor, config);
    const circle: FetchDocument = async (digest) => {
      if (digest === root.descriptor.digest) return root;
      return { ...indexOf(inner.descriptor), descriptor: inner.descriptor };
    };
    await expect(readGraph(circle, root.descriptor.digest, "reg.example.com/app")).rejects.toMatchObject({
      code: "too-large",
    });
  });

  test("refuses a long way through indexes that are listed by the root, too", async () => {
    const chain = [leafOf("end")];
    while (chain.length <= limits.indexDepth) {
      const below = chain.at(-1);
      if (below !== undefined) chain.push(indexOf(below.descriptor));
    }
    const allowed = indexOf(...chain.slice(0, -1).map(({ descriptor }) => descriptor));
    expect((await read(allowed, ...chain)).children).toHaveLength(limits.indexDepth);
    const flat = indexOf(...chain.map(({ descriptor }) => descriptor));
    await expect(read(flat, ...chain)).rejects.toMatchObject({ code: "too-large" });
  });

  test("says which manifest is not there", async () => {
    const leaf = leafOf("one");
    await expect(read(indexOf(leaf.descriptor))).rejects.toMatchObject({
      code: "manifest-missing",
      message: expect.stringContaining(leaf.descriptor.digest),
    });
  });
});

describe("images of one run with many bytes of manifests", () => {
  const wide = (name: string) =>
    documentOf({
      mediaType: mediaTypes.ociManifest,
      config,
      layers: [],
      annotations: { name, filling: "x".repeat(limits.wideClosureBytes) },
    });

  test("are held in memory a few at a time, and others are not kept waiting", async () => {
    const images = Array.from({ length: 8 }, (_, at) => wide(`${at}`)).map((child) => ({
      child,
      root: indexOf(child.descriptor),
    }));
    const small = leafOf("small");
    const fetch = holding(small, ...images.flatMap(({ root, child }) => [root, child]));
    const seats = new WideImages();
    const held = new Set<Digest>();
    let most = 0;
    const where = "reg.example.com/app";
    const reading = images.map(async ({ root }) => {
      const seat = seats.seat();
      const { digest } = root.descriptor;
      await readGraph(fetch, digest, where, { seat });
      held.add(digest);
      most = Math.max(most, held.size);
      await readGraph(fetch, small.descriptor.digest, where, { seat: seats.seat() });
      held.delete(digest);
      seat.leave();
    });
    await Promise.all(reading);
    expect(most).toBe(3);
  });

  test("leave their seats once, with or without having taken any", async () => {
    const seats = new WideImages();
    const idle = seats.seat();
    idle.leave();
    const taken = [seats.seat(), seats.seat(), seats.seat()];
    await Promise.all(taken.flatMap((seat) => [seat.widen(), seat.widen()]));
    const next = seats.seat();
    let isSeated = false;
    const seated = next.widen().then(() => {
      isSeated = true;
    });
    await Promise.resolve();
    expect(isSeated).toBe(false);
    taken[0]?.leave();
    await seated;
  });
});

describe("the cache of manifests", () => {
  const counting = (address: string, ...documents: readonly ImageDocument[]) => {
    const asked: Digest[] = [];
    const fetch = async (target: string) => {
      asked.push(target as Digest);
      return documents.find(({ descriptor }) => descriptor.digest === target);
    };
    return { address, fetch, asked };
  };

  test("asks a repository once, and each repository for itself", async () => {
    const leaf = leafOf("one");
    const [here, there] = [counting("a.example.com/x", leaf), counting("b.example.com/x")];
    const cache = createDocumentCache();
    const { digest } = leaf.descriptor;
    expect(await cache.of(here)(digest)).toBe(leaf);
    expect(await cache.of(here)(digest)).toBe(leaf);
    expect(await cache.of(there)(digest)).toBeUndefined();
    expect(here.asked).toHaveLength(1);
    expect(there.asked).toHaveLength(1);
  });

  test("keeps no manifest that would cost the place of many", async () => {
    const large = documentOf({
      mediaType: mediaTypes.ociManifest,
      config,
      layers: [],
      annotations: { filling: "x".repeat(limits.wideClosureBytes) },
    });
    let asked = 0;
    const repository = {
      address: "reg.example.com/app",
      fetch: async () => {
        asked += 1;
        return large;
      },
    };
    const cache = createDocumentCache();
    for (let time = 0; time < 2; time += 1) await cache.of(repository)(large.descriptor.digest);
    expect(asked).toBe(2);
  });

  test("does not remember absence, and forgets the oldest beyond its size", async () => {
    const leaves = ["one", "two", "three"].map(leafOf);
    const [one, two, three] = leaves.map(({ descriptor }) => descriptor.digest);
    const repository = counting("a.example.com/x", ...leaves);
    const fetch = createDocumentCache(2 * (leaves[0]?.bytes.length ?? 0) + 10).of(repository);
    for (const digest of [one, two, three, three, two, one]) if (digest) await fetch(digest);
    expect(repository.asked).toEqual([one, two, three, one]);
    await fetch(config.digest);
    await fetch(config.digest);
    expect(repository.asked).toHaveLength(6);
  });
});
