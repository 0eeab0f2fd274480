import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { type Descriptor, digestOf, type ImageDocument, mediaTypes, parseTag } from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/repository.ts";

/** A blob with its bytes. */
export interface Blob {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** An image of one platform, small enough for many of them. */
export interface Image {
  readonly blobs: readonly Blob[];
  readonly manifest: ImageDocument;
}

export function blob(bytes: Uint8Array | string, mediaType: string = mediaTypes.ociLayer): Blob {
  const content = Buffer.from(bytes);
  return { descriptor: { mediaType, digest: digestOf(content), size: content.length }, bytes: content };
}

export function document(json: {
  readonly mediaType: string;
  readonly [field: string]: unknown;
}): ImageDocument {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...json }));
  return { descriptor: { mediaType: json.mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

/** An image that no other call makes; `more` goes into the manifest. */
export function image(more: object = {}, layerBytes = 100): Image {
  const config = blob(
    JSON.stringify({ architecture: "amd64", os: "linux", rootfs: {} }),
    mediaTypes.ociConfig,
  );
  const layer = blob(randomBytes(layerBytes));
  const manifest = document({
    mediaType: mediaTypes.ociManifest,
    config: config.descriptor,
    layers: [layer.descriptor],
    ...more,
  });
  return { blobs: [config, layer], manifest };
}

/** An index of some documents. */
export function indexOf(...children: readonly ImageDocument[]): ImageDocument {
  return document({
    mediaType: mediaTypes.ociIndex,
    manifests: children.map(({ descriptor }) => descriptor),
  });
}

export const streamOf = (bytes: Uint8Array) => async () => Readable.from([bytes]);

/** Brings an image into a repository, blobs first. */
export async function store(repository: Repository, { blobs, manifest }: Image, tag?: string): Promise<void> {
  for (const { descriptor, bytes } of blobs) await repository.push(descriptor, streamOf(bytes));
  await repository.put(manifest, tag === undefined ? undefined : parseTag(tag));
}

export async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
