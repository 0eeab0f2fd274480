import {
  type Descriptor,
  type Digest,
  formatPlatform,
  formatReference,
  type ImageContent,
  type ImageDocument,
  isAttestation,
  isIndexType,
  limits,
  OciError,
  readImageContent,
} from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import { type ImageConfig, readConfig } from "./config.ts";
import { platformsOf } from "./identify.ts";

/** An image as a whole, over all its platforms: what tells it from another one. */
export interface ImageDescription {
  readonly digest: Digest;
  /** Of the manifest or index itself. */
  readonly mediaType: string;
  /** What it is, when it is no image but something else, such as a Helm chart. */
  readonly artifactType?: string | undefined;
  /** When the newest of its platforms was built, as its config says. */
  readonly created?: string | undefined;
  /** Bytes of its config and layers as they are stored, each blob counted once. */
  readonly size: number;
  /** As `os/architecture[/variant]`, each once, in the order of the index. */
  readonly platforms: readonly string[];
  /** Each once, over all platforms. */
  readonly layers: readonly Descriptor[];
  /** Annotations of the index and labels of its first image; the labels count. */
  readonly labels: Readonly<Record<string, string>>;
  /** Image manifests of an index, with those that it says nothing of the platform of. */
  readonly children: readonly Descriptor[];
  /** Entries of an index that are no images, but say something about them, as BuildKit writes. */
  readonly attestations: readonly Descriptor[];
  /** There are more platforms than were read, or some that are not there: size, layers and `created` are of those that were. */
  readonly isPartial: boolean;
}

/** Platforms that are read of one image: known ones have less than a dozen. */
const maxPlatforms = 16;

/**
 * Describes an image with at most two requests for each of its platforms, and one for itself; `undefined` when the
 * repository does not have it.
 * @param fetch how its manifests are read: as a rule from those that have been read before.
 * @param widen called before many bytes of manifests are read: resolves when there is room for them in memory.
 * @throws {RegistryError} when something of it cannot be read, {@link OciError} when it is not as it should be.
 */
export async function describeImage(
  repository: Repository,
  digest: Digest,
  fetch: (digest: Digest) => Promise<ImageDocument | undefined> = repository.fetch,
  widen: () => Promise<void> = async () => {},
): Promise<ImageDescription | undefined> {
  const root = await fetch(digest);
  if (root === undefined) return undefined;
  const where = formatReference(repository.name, digest);
  const content = readImageContent(root, where);
  const isIndex = isIndexType(content.mediaType);
  const attestations = content.children.filter(isAttestation);
  const children = content.children.filter((child) => !isAttestation(child));
  const read = isIndex ? children.slice(0, maxPlatforms) : [];
  const bytes = read.reduce((sum, { size }) => sum + size, root.descriptor.size);
  if (bytes > limits.closureBytes) {
    const message = `the manifests of the image have more than ${limits.closureBytes} bytes together`;
    throw new OciError("too-large", message, { where });
  }
  if (bytes > limits.wideClosureBytes) await widen();
  const instances = isIndex
    ? (await Promise.all(read.map((child) => readChild(child, fetch, where)))).filter(
        (child) => child !== undefined,
      )
    : [content];
  const configs = await Promise.all(instances.map(({ blobs }) => readConfig(repository, blobs[0])));
  const blobs = new Map(instances.flatMap((instance) => instance.blobs).map((blob) => [blob.digest, blob]));
  const layers = new Map(
    instances.flatMap((instance) => instance.blobs.slice(1)).map((blob) => [blob.digest, blob]),
  );
  const created = newest(configs);
  const artifactType = content.artifactType ?? instances[0]?.artifactType;
  return {
    digest,
    mediaType: content.mediaType,
    artifactType,
    created,
    size: [...blobs.values()].reduce((sum, { size }) => sum + size, 0),
    platforms: [...new Set(isIndex ? platformsOf(children) : configs.flatMap(platformOf))],
    layers: [...layers.values()],
    labels: { ...content.annotations, ...configs[0]?.config?.Labels },
    children: isIndex ? children : [],
    attestations,
    isPartial: isIndex && children.length > instances.length,
  };
}

async function readChild(
  child: Descriptor,
  fetch: (digest: Digest) => Promise<ImageDocument | undefined>,
  where: string,
): Promise<ImageContent | undefined> {
  const document = await fetch(child.digest);
  return document === undefined ? undefined : readImageContent(document, where);
}

function platformOf({ os, architecture, variant }: ImageConfig): string[] {
  if (!os || !architecture) return [];
  return [formatPlatform({ os, architecture, ...(variant ? { variant } : {}) })];
}

/** The latest of the times that can be told apart; some tools write the beginning of the epoch on purpose. */
function newest(configs: readonly ImageConfig[]): string | undefined {
  const times = configs.map(({ created }) => Date.parse(created ?? "")).filter(Number.isFinite);
  return times.length === 0 ? undefined : new Date(Math.max(...times)).toISOString();
}
