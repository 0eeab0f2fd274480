import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  Copier,
  type CopyEvent,
  type GraphOptions,
  readGraph,
  type Successors,
} from "../../src/copy/index.ts";
import {
  type Descriptor,
  digestOf,
  type ImageDocument,
  mediaTypes,
  parseDigest,
  parseRepository,
  parseTag,
  readImageContent,
} from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";

let world: PromotionWorld;
let from: Repository;
let to: Repository;
beforeEach(async () => {
  world = await openWorld();
  from = world.registries.repository(parseRepository(`${world.staging.host}/app`));
  to = world.registries.repository(parseRepository(`${world.production.host}/app`));
});
afterEach(() => world.close());

const v1 = parseTag("v1");

async function pushBytes(text: string, mediaType: string): Promise<Descriptor> {
  const bytes = Buffer.from(text);
  const blob = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await from.push(blob, async () => Readable.from([bytes]));
  return blob;
}

/** Puts an image manifest with a layer of its own, and what else is said. */
async function put(layer: string, more: Readonly<Record<string, unknown>> = {}): Promise<ImageDocument> {
  const config = await pushBytes("{}", "application/vnd.oci.empty.v1+json");
  const layers = [await pushBytes(layer, mediaTypes.ociLayer)];
  const json = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: "application/vnd.example",
  };
  const bytes = Buffer.from(JSON.stringify({ ...json, config, layers, ...more }));
  const document = {
    descriptor: { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length },
    bytes,
  };
  await from.put(document);
  return document;
}

/** Copies an image under a tag. Gives the manifests in the order in which they were put. */
async function copy(root: ImageDocument, options: GraphOptions): Promise<readonly string[]> {
  const events: CopyEvent[] = [];
  const graph = await readGraph(from.fetch, root.descriptor.digest, from.name, options);
  const copier = new Copier((event) => events.push(event), options.successors);
  await copier.copyClosure({ graph, from, to: [{ repository: to, empty: true }] })[0];
  expect(await to.resolve(v1)).toBeUndefined();
  await copier.putRoot(root, to, [v1]);
  return events.flatMap((event) => (event.type === "manifest-put" ? [event.digest] : []));
}

async function expectWhole(document: ImageDocument): Promise<void> {
  expect(await to.fetch(document.descriptor.digest)).toEqual(document);
  for (const blob of readImageContent(document).blobs) for await (const _ of await to.open(blob));
}

describe("what a manifest leads to", () => {
  test("is what the copier is told: here a bundle names its parts in an annotation", async () => {
    const part = await put("part");
    const needs = { "com.example.needs": JSON.stringify(part.descriptor) };
    const bundle = await put("bundle", { annotations: needs });
    const successors: Successors = (document, where) => {
      const content = readImageContent(document, where);
      const named = content.annotations["com.example.needs"];
      return named === undefined ? content : { ...content, children: [JSON.parse(named) as Descriptor] };
    };
    expect(await copy(bundle, { successors })).toEqual([part.descriptor.digest, bundle.descriptor.digest]);
    for (const document of [part, bundle]) await expectWhole(document);
  });

  test("is sent again where a registry has lost it, as the copier is told", async () => {
    const extra = await pushBytes("extra", mediaTypes.ociLayer);
    const root = await put("root");
    const successors: Successors = (document) => {
      const content = readImageContent(document);
      return { ...content, blobs: [...content.blobs, extra] };
    };
    await copy(root, { successors });
    for await (const _ of await to.open(extra));
  });
});

describe("what hangs on an image", () => {
  const predecessors = ({ digest }: Descriptor) => from.referrers(digest);

  test("comes with it: referrers, theirs and their blobs, before the tag", async () => {
    const root = await put("root");
    const signature = await put("signature", { subject: root.descriptor });
    const seal = await put("seal", { subject: signature.descriptor });
    const order = await copy(root, { predecessors });
    const [first, ...others] = [root, signature, seal].map(({ descriptor }) => descriptor.digest);
    expect(order).toEqual([first, ...others, first]);
    for (const document of [root, signature, seal]) await expectWhole(document);
    expect((await to.referrers(root.descriptor.digest)).map(({ digest }) => digest)).toEqual([
      signature.descriptor.digest,
    ]);
  });

  test("is not asked for, nor copied, unless the copier is told", async () => {
    const root = await put("root");
    const signature = await put("signature", { subject: root.descriptor });
    const before = world.staging.seen.length;
    expect(await copy(root, {})).toEqual([root.descriptor.digest]);
    const asked = world.staging.seen.slice(before).map(({ url }) => url);
    expect(await to.fetch(signature.descriptor.digest)).toBeUndefined();
    expect(asked.filter((url) => url.includes("/referrers/"))).toEqual([]);
  });

  test("and is not there is an error that says so", async () => {
    const root = await put("root");
    const ghost = { ...root.descriptor, digest: parseDigest(`sha256:${"0".repeat(64)}`) };
    await expect(
      readGraph(from.fetch, root.descriptor.digest, "here", { predecessors: async () => [ghost] }),
    ).rejects.toMatchObject({
      code: "manifest-missing",
      message: expect.stringContaining("what hangs on the image is not there"),
    });
  });
});
