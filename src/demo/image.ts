import { Readable } from "node:stream";
import { gunzipSync, gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import {
  type Descriptor,
  describeBytes,
  digestOf,
  type ImageDocument,
  mediaTypes,
  type Platform,
  type Tag,
} from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import { type DemoArchitecture, printingExecutable } from "./executable.ts";

/** An image in memory, to be pushed to a repository. */
export interface DemoImage {
  readonly root: ImageDocument;
  readonly children: readonly ImageDocument[];
  readonly blobs: readonly ImageDocument[];
}

const architectures: readonly DemoArchitecture[] = ["amd64", "arm64"];

/**
 * Builds a multi-arch image whose program prints its name and version. All images share their base layer, and the
 * same arguments give the same digests.
 */
export async function buildImage(name: string, version: string): Promise<DemoImage> {
  const base = await layer([
    { name: "etc/waybill-demo", mode: 0o644, bytes: Buffer.from("a base that all images share\n") },
  ]);
  const blobs = new Map([[base.descriptor.digest, base]]);
  const children: ImageDocument[] = [];
  const entries: Descriptor[] = [];
  for (const architecture of architectures) {
    const text = `${name} ${version} on linux/${architecture}\n`;
    const program = await layer([{ name, mode: 0o755, bytes: printingExecutable(architecture, text) }]);
    const config = jsonOf(mediaTypes.ociConfig, {
      architecture,
      os: "linux",
      config: {
        Entrypoint: [`/${name}`],
        Labels: { "org.opencontainers.image.title": name, "org.opencontainers.image.version": version },
      },
      rootfs: { type: "layers", diff_ids: [base, program].map(({ bytes }) => digestOf(gunzipSync(bytes))) },
      history: [{ created_by: "base" }, { created_by: `${name} ${version}` }],
    });
    for (const blob of [program, config]) blobs.set(blob.descriptor.digest, blob);
    const child = jsonOf(mediaTypes.ociManifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: config.descriptor,
      layers: [base.descriptor, program.descriptor],
    });
    const platform: Platform = { os: "linux", architecture };
    children.push(child);
    entries.push({ ...child.descriptor, platform });
  }
  const root = jsonOf(mediaTypes.ociIndex, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: entries,
  });
  return { root, children, blobs: [...blobs.values()] };
}

/** Pushes an image in the only safe order: blobs, then the manifests of its platforms, then the index under its tags. */
export async function pushImage(
  image: DemoImage,
  repository: Repository,
  tags: readonly Tag[],
): Promise<void> {
  for (const { descriptor, bytes } of image.blobs) {
    await repository.push(descriptor, async () => Readable.from([bytes]));
  }
  for (const child of image.children) await repository.put(child);
  for (const tag of tags) await repository.put(image.root, tag);
}

async function layer(
  files: readonly { name: string; mode: number; bytes: Buffer }[],
): Promise<ImageDocument> {
  const tar = await packTar(
    files.map(({ name, mode, bytes }) => ({
      header: { name, mode, size: bytes.length, mtime: new Date(0) },
      body: bytes,
    })),
  );
  return blobOf(mediaTypes.ociLayer, gzipSync(tar));
}

function jsonOf(mediaType: string, json: unknown): ImageDocument {
  return blobOf(mediaType, Buffer.from(JSON.stringify(json)));
}

function blobOf(mediaType: string, bytes: Buffer): ImageDocument {
  return { descriptor: describeBytes(mediaType, bytes), bytes };
}
