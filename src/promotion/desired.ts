import { createHash } from "node:crypto";
import type { ImageEntry, PromoterManifest } from "../manifest/index.ts";
import { type Digest, parseRepository, type RepositoryName, type Tag } from "../oci/index.ts";

/**
 * What the promoter manifests ask of one production repository. The 720,000 edges of a large tree are never made
 * into objects one by one: repositories that the same block of a manifest feeds share one list of images.
 */
export interface DesiredRepository {
  readonly destination: RepositoryName;
  readonly images: readonly DesiredImage[];
}

/** One digest wanted in a repository. */
export interface DesiredImage {
  readonly digest: Digest;
  /** Staging repositories that the manifests name for it: usually one. */
  readonly sources: readonly DesiredSource[];
  /** Empty for a digest that is promoted without a tag. */
  readonly tags: readonly DesiredTag[];
}

export interface DesiredSource {
  readonly repository: RepositoryName;
  readonly project: string;
  /** `file:line:column` of the digest. */
  readonly at: string;
  /** `file:line:column` of the policy that demands provenance of what comes from there. */
  readonly policy?: string;
}

export interface DesiredTag {
  readonly tag: Tag;
  /** `file:line:column` of the tag. */
  readonly at: string;
}

/** All edges of the manifests, by production repository, in the order of their names. */
export function desiredRepositories(manifests: readonly PromoterManifest[]): DesiredRepository[] {
  const repositories = new Map<RepositoryName, readonly DesiredImage[]>();
  const union = sharedUnions();
  const policies = demandedProvenance(manifests);
  for (const manifest of manifests) {
    for (const image of manifest.images) {
      const images = desiredImages(manifest, image, policies);
      for (const { name } of manifest.destinations) {
        const destination = parseRepository(`${name}/${image.name}`);
        const others = repositories.get(destination);
        repositories.set(destination, others === undefined ? images : union(others, images));
      }
    }
  }
  return [...repositories]
    .map(([destination, images]) => ({ destination, images }))
    .sort((one, other) => (one.destination < other.destination ? -1 : 1));
}

/** Where provenance is demanded of a staging registry and of all below it, by its name with a slash at its end. */
function demandedProvenance(manifests: readonly PromoterManifest[]): ReadonlyMap<string, string> {
  return new Map(
    manifests.flatMap(({ file, source, provenance }): [string, string][] => {
      if (provenance?.mode !== "require") return [];
      const { line, column } = provenance.at;
      return [[`${source.name}/`, `${file}:${line}:${column}`]];
    }),
  );
}

function desiredImages(
  manifest: PromoterManifest,
  image: ImageEntry,
  policies: ReadonlyMap<string, string>,
): readonly DesiredImage[] {
  const repository = parseRepository(`${manifest.source.name}/${image.name}`);
  const policy = [...policies].find(([above]) => repository.startsWith(above))?.[1];
  const place = ({ line, column }: { line: number; column: number }): string =>
    `${manifest.imagesFile}:${line}:${column}`;
  return image.digests.map(({ digest, tags, at }) => ({
    digest,
    sources: [
      { repository, project: manifest.project, at: place(at), ...(policy === undefined ? {} : { policy }) },
    ],
    tags: tags.map((entry) => ({ tag: entry.tag, at: place(entry.at) })),
  }));
}

/** Unions of lists, each made once: mirrors that several blocks feed share what comes of them, too. */
function sharedUnions(): typeof unionOf {
  const known = new Map<readonly DesiredImage[], Map<readonly DesiredImage[], readonly DesiredImage[]>>();
  return (some, more) => {
    const unions = known.get(some) ?? new Map<readonly DesiredImage[], readonly DesiredImage[]>();
    known.set(some, unions);
    const union = unions.get(more) ?? unionOf(some, more);
    unions.set(more, union);
    return union;
  };
}

/** Images of several blocks that feed one repository; the same digest from several sources is one image. */
function unionOf(some: readonly DesiredImage[], more: readonly DesiredImage[]): readonly DesiredImage[] {
  const images = new Map(some.map((image) => [image.digest, image]));
  for (const image of more) {
    const known = images.get(image.digest);
    if (known === undefined) {
      images.set(image.digest, image);
      continue;
    }
    const tags = new Set(known.tags.map(({ tag }) => tag));
    const sources = new Set(known.sources.map(({ repository }) => repository));
    images.set(image.digest, {
      digest: image.digest,
      sources: [...known.sources, ...image.sources.filter(({ repository }) => !sources.has(repository))],
      tags: [...known.tags, ...image.tags.filter(({ tag }) => !tags.has(tag))],
    });
  }
  return [...images.values()];
}

/**
 * A digest of what the manifests ask for: source, destination, digest and tag of every edge, and nothing else. Two
 * trees with the same edges have the same one, however their files are written.
 */
export function edgesHash(repositories: readonly DesiredRepository[]): string {
  const hash = createHash("sha256");
  const lists = new Map<readonly DesiredImage[], string>();
  for (const { destination, images } of repositories) {
    const edges = lists.get(images) ?? edgesText(images);
    lists.set(images, edges);
    hash.update(`${destination}\n${edges}\n`);
  }
  return `sha256:${hash.digest("hex")}`;
}

function edgesText(images: readonly DesiredImage[]): string {
  const edges = images.flatMap(({ digest, sources, tags }) => {
    const from = sources
      .map(({ repository }) => repository)
      .sort()
      .join(" ");
    const names = tags.length === 0 ? ["-"] : tags.map(({ tag }) => tag);
    return names.map((name) => `${digest} ${name} ${from}`);
  });
  return edges.sort().join("\n");
}
