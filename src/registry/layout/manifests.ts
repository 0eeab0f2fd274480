import pLimit from "p-limit";
import { phrase } from "../../errors/index.ts";
import {
  type Descriptor,
  type Digest,
  type ImageContent,
  type ImageDocument,
  imageContentIn,
  isDigest,
  isImageType,
  limits,
  type Tag,
} from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import type { LayoutBlobs } from "./blobs.ts";

import { findEntry, type LayoutIndex, listedManifests } from "./index.ts";

/** A manifest or index that a layout holds. */
export interface HeldManifest {
  readonly descriptor: Descriptor;
  readonly tags: readonly Tag[];
  /** `undefined` when the bytes are no image manifest that could be understood. */
  readonly content: ImageContent | undefined;
}

const concurrency = 16;

/**
 * The manifests of a layout among its blobs: those that its index lists, and those that only the indexes among them do.
 * @param where Its address.
 */
export function openManifests(blobs: Pick<LayoutBlobs, "open">, where: string) {
  const walks = new WeakMap<LayoutIndex, Promise<ReadonlyMap<Digest, HeldManifest>>>();

  const read = async (descriptor: Descriptor): Promise<ImageDocument | undefined> => {
    if (descriptor.size > limits.manifestBytes) {
      throw new RegistryError("too-large", phrase`a manifest of ${descriptor.size} bytes`, {
        where: `${where}@${descriptor.digest}`,
      });
    }
    const stream = await blobs.open(descriptor);
    if (stream === undefined) return undefined;
    return { descriptor, bytes: Buffer.concat(await stream.toArray()) };
  };

  const walk = async (index: LayoutIndex): Promise<ReadonlyMap<Digest, HeldManifest>> => {
    const held = new Map<Digest, HeldManifest>();
    const limit = pLimit(concurrency);
    let level = [...listedManifests(index).values()];
    const met = new Set(level.map(({ descriptor }) => descriptor.digest));
    for (let depth = 0; level.length > 0 && depth <= limits.indexDepth; depth += 1) {
      const documents = await limit.map(level, ({ descriptor }) => read(descriptor));
      const below: typeof level = [];
      for (const [at, { descriptor, tags }] of level.entries()) {
        const document = documents[at];
        if (document === undefined) continue;
        const content = imageContentIn(document);
        held.set(descriptor.digest, { descriptor, tags, content });
        for (const child of content?.children ?? []) {
          if (met.has(child.digest) || !isImageType(child.mediaType)) continue;
          met.add(child.digest);
          below.push({ descriptor: bareDescriptor(child), tags: [] });
        }
      }
      level = below;
    }
    return held;
  };

  const all = (index: LayoutIndex) => {
    const known = walks.get(index);
    if (known !== undefined) return known;
    const walking = walk(index).catch((error) => {
      walks.delete(index);
      throw error;
    });
    walks.set(index, walking);
    return walking;
  };

  return {
    /** Every manifest whose file is there. Reads and hashes them all, once for an index. */
    all,
    /** The bytes of a tag or digest, hashed; `undefined` when the layout does not hold it. */
    async fetch(index: LayoutIndex, target: Tag | Digest): Promise<ImageDocument | undefined> {
      const listed = findEntry(index, target);
      if (listed !== undefined) return read(listed);
      const held = isDigest(target) ? (await all(index)).get(target) : undefined;
      return held === undefined ? undefined : read(held.descriptor);
    },
  };
}

function bareDescriptor({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
