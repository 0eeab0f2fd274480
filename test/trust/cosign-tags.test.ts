import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import {
  type Descriptor,
  describeBytes,
  digestOf,
  type ImageDocument,
  mediaTypes,
  parseRepository,
  parseTag,
  referrersTag,
} from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import {
  layerIdentity,
  layersOf,
  mergedManifest,
  openCosignTags,
  type TagLayer,
} from "../../src/trust/cosign-tags.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { clientOf, withOwn } from "../support/registry-client.ts";
import { temporaryFolder } from "../support/tree.ts";

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const subject = digestOf(Buffer.from("an image"));
const tag = parseTag(`${referrersTag(subject)}.sig`);
const payload = Buffer.from('{"critical":{}}');

/** A signature of the one payload: only its annotation tells it from others. */
function signature(by: string): TagLayer {
  const described = describeBytes("application/vnd.dev.cosign.simplesigning.v1+json", payload);
  const annotations = { "dev.cosignproject.cosign/signature": by };
  return { descriptor: { ...described, annotations }, content: async () => payload };
}

function manifestOf(...layers: readonly Descriptor[]): ImageDocument {
  const made = mergedManifest(undefined, layers, undefined, "x");
  if (made === undefined) throw new TypeError("nothing to make a manifest of");
  return made.document;
}

const signersOf = (document: ImageDocument | undefined) =>
  document &&
  layersOf(document).map(({ annotations }) => annotations?.["dev.cosignproject.cosign/signature"]);

test("the manifest that holds all there is to hold is put as it is", () => {
  const [one, two] = [signature("one").descriptor, signature("two").descriptor];
  const whole = manifestOf(one, two);
  expect(mergedManifest(undefined, [one, two], whole, "x")?.document).toBe(whole);
  expect(mergedManifest(manifestOf(two), [one, two], whole, "x")?.document).toBe(whole);
  expect(mergedManifest(manifestOf(two, one), [one, two], whole, "x")).toBeUndefined();
  // Part of it was accepted: the other part does not come along.
  expect(signersOf(mergedManifest(undefined, [one], whole, "x")?.document)).toEqual(["one"]);
});

test("nothing that is there is lost, whatever is brought, and bringing it again changes nothing", () => {
  const some = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"));
  fc.assert(
    fc.property(some, some, (here, there) => {
      const layers = (names: readonly string[]) => names.map((name) => signature(name).descriptor);
      const present = here.length === 0 ? undefined : manifestOf(...layers(here));
      const whole = there.length === 0 ? undefined : manifestOf(...layers(there));
      const merged = mergedManifest(present, layers(there), whole, "x")?.document ?? present;
      expect(new Set(signersOf(merged) ?? [])).toEqual(new Set([...here, ...there]));
      if (merged === undefined) return;
      expect(mergedManifest(merged, layers(there), whole, "x")).toBeUndefined();
    }),
  );
});

test("more layers than cosign reads are refused", () => {
  const layers = Array.from({ length: 1_001 }, (_, at) => signature(`${at}`).descriptor);
  expect(() => mergedManifest(undefined, layers, undefined, "x")).toThrow("more than 1000 layers");
});

test("annotations in another order are the same signature", () => {
  const { descriptor } = signature("one");
  const [a, b] = [
    { ...descriptor, annotations: { x: "1", y: "2" } },
    { ...descriptor, annotations: { y: "2", x: "1" } },
  ];
  expect(layerIdentity(a)).toBe(layerIdentity(b));
  expect(layerIdentity(a)).not.toBe(layerIdentity(descriptor));
});

async function embedded(): Promise<string> {
  const { path, remove } = await temporaryFolder("cosign-tags");
  const server = await startRegistryServer({ dir: path });
  closing.push(remove, () => server.close());
  return server.address;
}

async function distribution(): Promise<string> {
  const server = await startDockerRegistry();
  closing.push(server.stop);
  return server.host;
}

test.each([
  ["the embedded registry", embedded],
  ["docker-registry", distribution],
])("whoever writes over it at the same time, every signature is there at the end: %s", async (_, start) => {
  const host = await start();
  const client = clientOf(host);
  closing.push(client.close);
  const repository = client.registries.repository(parseRepository(`${host}/foo/app`));
  const ours = openCosignTags();
  await ours.merge({ repository, tag, layers: [signature("ours")] });
  const written = await repository.fetch(tag);
  await ours.merge({ repository, tag, layers: [signature("ours")] });
  expect((await repository.fetch(tag))?.descriptor.digest).toBe(written?.descriptor.digest);
  // Somebody who had read before puts what is theirs alone.
  const theirs = mergedManifest(undefined, [signature("theirs").descriptor], undefined, "x");
  if (theirs?.config === undefined) throw new TypeError("nothing was made");
  const { config } = theirs;
  await repository.push(config.descriptor, async () => config.bytes);
  await repository.put(theirs.document, tag);
  expect(await ours.confirm()).toEqual(new Map());
  const there = await repository.fetch(tag);
  expect(new Set(signersOf(there))).toEqual(new Set(["ours", "theirs"]));
  expect(there?.descriptor.mediaType).toBe(mediaTypes.ociManifest);
});

test("each tag is looked at again as soon as its own registry has settled", async () => {
  const host = await embedded();
  const client = clientOf(host);
  closing.push(client.close);
  const ours = openCosignTags();
  const looked: string[] = [];
  let seen: () => void = () => {};
  const quickWasSeen = new Promise<void>((resolve) => {
    seen = resolve;
  });
  const placed = (name: string, settling: number) => {
    const repository = client.registries.repository(parseRepository(`${host}/${name}`));
    return withOwn(repository, {
      settling,
      fetch: async (target) => {
        looked.push(name);
        const document = await repository.fetch(target);
        if (looked.filter((each) => each === "quick").length === 2) seen();
        return document;
      },
    });
  };
  const slow = placed("slow", 60_000);
  const quick = placed("quick", 1);
  for (const repository of [slow, quick]) await ours.merge({ repository, tag, layers: [signature("ours")] });
  void ours.confirm();
  await quickWasSeen;
  expect(looked).toEqual(["slow", "quick", "quick"]);
});
