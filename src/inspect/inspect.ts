import {
  type Descriptor,
  type Digest,
  formatPlatform,
  formatReference,
  isIndexType,
  readImageContent,
  type Target,
} from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import { readConfig } from "./config.ts";
import { fetchDocument, isFor, noSuchPlatform } from "./identify.ts";

/** An image as people want to see it. The upper-case fields are those of `skopeo inspect`, with its meanings. */
export interface Inspection {
  readonly Name: string;
  readonly Digest: Digest;
  readonly RepoTags: readonly string[];
  readonly Created?: string | undefined;
  readonly DockerVersion: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Architecture: string;
  readonly Variant?: string | undefined;
  readonly Os: string;
  readonly Layers: readonly Digest[];
  readonly LayersData: readonly {
    readonly MIMEType: string;
    readonly Digest: Digest;
    readonly Size: number;
    readonly Annotations: Readonly<Record<string, string>> | null;
  }[];
  readonly Env: readonly string[] | null;
  /** The media type of what the reference stands for, an index among them. */
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  /** Entries of an index, or none. */
  readonly platforms: readonly {
    readonly platform: string;
    readonly digest: Digest;
    readonly size: number;
  }[];
}

/** What {@link inspectImage} may be asked for. */
export interface InspectOptions {
  /** The entry of an index to describe, as `os/architecture[/variant]`; this machine's, for Linux, by default. */
  readonly platform?: string | undefined;
  /** Leave `RepoTags` empty instead of listing the repository. */
  readonly withoutTags?: boolean;
}

/**
 * Describes an image; of an index, the entry for one platform, and the list of all.
 * @throws {RegistryError} when something cannot be read, {@link WaybillError} `platform-missing` when the index has no
 * such entry.
 */
export async function inspectImage(
  repository: Repository,
  target: Target,
  options: InspectOptions = {},
): Promise<Inspection> {
  const root = await fetchDocument(repository, target);
  const where = formatReference(repository.name, target);
  const content = readImageContent(root, where);
  const entries = content.children.filter(({ platform }) => platform !== undefined);
  const instance = isIndexType(content.mediaType)
    ? await fetchDocument(repository, choosePlatform(content.children, options.platform, where).digest)
    : root;
  const { blobs, artifactType } = instance === root ? content : readImageContent(instance, where);
  const [configBlob, ...layers] = blobs;
  const config = await readConfig(repository, configBlob);
  const listing = options.withoutTags ? undefined : await repository.list();
  return {
    Name: repository.name,
    Digest: root.descriptor.digest,
    RepoTags: listing?.tags ?? [],
    Created: config.created ?? undefined,
    DockerVersion: config.docker_version ?? "",
    Labels: config.config?.Labels ?? null,
    Architecture: config.architecture ?? "",
    Variant: config.variant ?? undefined,
    Os: config.os ?? "",
    Layers: layers.map(({ digest }) => digest),
    LayersData: layers.map(({ mediaType, digest, size, annotations }) => ({
      MIMEType: mediaType,
      Digest: digest,
      Size: size,
      Annotations: annotations ?? null,
    })),
    Env: config.config?.Env ?? null,
    mediaType: content.mediaType,
    artifactType,
    platforms: entries.map(({ platform, digest, size }) => ({
      platform: platform === undefined ? "" : formatPlatform(platform),
      digest,
      size,
    })),
  };
}

function choosePlatform(
  entries: readonly Descriptor[],
  wanted: string | undefined,
  where: string,
): Descriptor {
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const name = wanted ?? `linux/${architecture}`;
  const chosen =
    entries.find((entry) => isFor(entry, name)) ?? (wanted === undefined ? entries[0] : undefined);
  if (chosen !== undefined) return chosen;
  throw noSuchPlatform(entries, name, where);
}
