import { createHash, randomBytes } from "node:crypto";

/** Anything that has a digest. */
export interface Blob {
  readonly bytes: Uint8Array;
  readonly digest: string;
}

export interface Manifest extends Blob {
  readonly mediaType: string;
  readonly subject?: string;
}

/** Blobs, and manifests in the order in which they may be put: children first. */
export interface Sample {
  readonly blobs: readonly Blob[];
  readonly manifests: readonly Manifest[];
}

export type Algorithm = "sha256" | "sha512";

export const types = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  empty: "application/vnd.oci.empty.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

export function digestOf(bytes: Uint8Array, algorithm: Algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

export function blobOf(content: string | Uint8Array, algorithm: Algorithm = "sha256"): Blob {
  const bytes = Buffer.from(content);
  return { bytes, digest: digestOf(bytes, algorithm) };
}

export function randomBlob(length = 512, algorithm: Algorithm = "sha256"): Blob {
  return blobOf(randomBytes(length), algorithm);
}

export function describe(mediaType: string, blob: Blob, more: object = {}): object {
  return { mediaType, digest: blob.digest, size: blob.bytes.length, ...more };
}

/** A manifest or index from its JSON. */
export function manifestOf(json: Record<string, unknown>, algorithm: Algorithm = "sha256"): Manifest {
  const subject = (json.subject as { digest?: string } | undefined)?.digest;
  return {
    ...blobOf(JSON.stringify({ schemaVersion: 2, ...json }), algorithm),
    mediaType: String(json.mediaType),
    ...(subject === undefined ? {} : { subject }),
  };
}

export interface ImageOptions {
  readonly algorithm?: Algorithm;
  readonly architecture?: string;
  readonly layers?: number;
  readonly layerBytes?: number;
  /** Further fields of the manifest. */
  readonly more?: Record<string, unknown>;
}

/** An image of its own, with random layers. */
export function image(options: ImageOptions = {}): Sample {
  const { algorithm = "sha256", architecture = "amd64", layers = 2, layerBytes = 512, more = {} } = options;
  const layerBlobs = Array.from({ length: layers }, () => randomBlob(layerBytes, algorithm));
  const config = blobOf(
    JSON.stringify({
      os: "linux",
      architecture,
      config: {},
      rootfs: { type: "layers", diff_ids: layerBlobs.map((layer) => digestOf(layer.bytes)) },
    }),
    algorithm,
  );
  const manifest = manifestOf(
    {
      mediaType: types.manifest,
      config: describe(types.config, config),
      layers: layerBlobs.map((layer) => describe(types.layer, layer)),
      ...more,
    },
    algorithm,
  );
  return { blobs: [...layerBlobs, config], manifests: [manifest] };
}

/** An index over the last manifest of each sample. */
export function index(
  children: readonly Sample[],
  more: Record<string, unknown> = {},
  algorithm: Algorithm = "sha256",
): Sample {
  const entries = children.map((child, at) => {
    const last = lastOf(child);
    const platform = { os: "linux", architecture: ["amd64", "arm64", "s390x"][at % 3] };
    return describe(last.mediaType, last, last.mediaType === types.manifest ? { platform } : {});
  });
  return {
    blobs: children.flatMap((child) => child.blobs),
    manifests: [
      ...children.flatMap((child) => child.manifests),
      manifestOf({ mediaType: types.index, manifests: entries, ...more }, algorithm),
    ],
  };
}

/** An artifact: an empty config and one blob. */
export function artifact(artifactType: string, more: Record<string, unknown> = {}): Sample {
  const config = blobOf("{}");
  const payload = randomBlob();
  const manifest = manifestOf({
    mediaType: types.manifest,
    artifactType,
    config: describe(types.empty, config),
    layers: [describe(artifactType, payload)],
    ...more,
  });
  return { blobs: [config, payload], manifests: [manifest] };
}

/** The manifest that the others of a sample are for. */
export function lastOf(sample: Sample): Manifest {
  const last = sample.manifests.at(-1);
  if (last === undefined) throw new Error("a sample has at least one manifest");
  return last;
}

/** Several samples as one. */
export function together(...samples: readonly Sample[]): Sample {
  return {
    blobs: samples.flatMap((sample) => sample.blobs),
    manifests: samples.flatMap((sample) => sample.manifests),
  };
}
