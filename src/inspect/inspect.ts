import { WaybillError } from "../errors/index.ts";
import {
  type Descriptor,
  type Digest,
  formatPlatform,
  formatReference,
  type ImageDocument,
  isIndexType,
  readImageContent,
  type Target,
} from "../oci/index.ts";
import { RegistryError, type Repository } from "../registry/index.ts";
import { readConfig } from "./config.ts";

/** An image as people want to see it. The upper-case fields are those of `skopeo inspect`, with its meanings. */
export interface Inspection {
  readonly Name: string;
  readonly Digest: Digest;
  readonly RepoTags: readonly string[];
  readonly Created?: string;
  readonly DockerVersion: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Architecture: string;
  readonly Variant?: string;
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
 * The manifest or index a reference stands for, bytes as stored.
 * @throws {RegistryError} `manifest-missing` when there is none.
 */
export async function fetchDocument(repository: Repository, target: Target): Promise<ImageDocument> {
  const document = await repository.fetch(target);
  if (document !== undefined) return document;
  throw new RegistryError("manifest-missing", "there is no such image", {
    where: formatReference(repository.name, target),
    hint: "look at what there is with: waybill snapshot",
  });
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
    ...(config.created == null ? {} : { Created: config.created }),
    DockerVersion: config.docker_version ?? "",
    Labels: config.config?.Labels ?? null,
    Architecture: config.architecture ?? "",
    ...(config.variant == null ? {} : { Variant: config.variant }),
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
  const matches = entries.filter(({ platform }) => {
    if (platform === undefined) return false;
    const full = formatPlatform(platform);
    return full === name || full.startsWith(`${name}/`);
  });
  const chosen = matches[0] ?? (wanted === undefined ? entries[0] : undefined);
  if (chosen !== undefined) return chosen;
  const offered = entries.flatMap(({ platform }) =>
    platform === undefined ? [] : [formatPlatform(platform)],
  );
  throw new WaybillError("platform-missing", `the index has no image for ${name}`, {
    where,
    hint: `it has ${offered.join(", ") || "no platforms"}; --raw shows the index itself`,
  });
}
