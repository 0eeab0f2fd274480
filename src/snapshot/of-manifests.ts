import type { PromoterManifest } from "../manifest/index.ts";
import { type Digest, parseRepository, type RepositoryName, type Tag } from "../oci/index.ts";
import { isBelow, type RegistryContents, relativeName, sorted } from "./snapshot.ts";

/**
 * What a production registry would hold if everything the manifests ask for were there: the same form as a snapshot
 * of it, made without looking. Destinations count by whole path components.
 */
export function contentsOfManifests(
  manifests: readonly PromoterManifest[],
  registry: string,
): RegistryContents {
  const prefix = registry.replace(/\/+$/, "");
  const contents = new Map<string, Map<Digest, readonly Tag[]>>();
  for (const { destinations, images } of manifests) {
    for (const destination of destinations) {
      for (const image of images) {
        const repository = `${destination.name}/${image.name}`;
        if (!isBelow(prefix, repository)) continue;
        const name = relativeName(prefix, repository);
        const digests = contents.get(name) ?? new Map<Digest, readonly Tag[]>();
        for (const { digest, tags } of image.digests) {
          const known = digests.get(digest) ?? [];
          digests.set(digest, [...new Set([...known, ...tags.map(({ tag }) => tag)])].sort());
        }
        contents.set(name, digests);
      }
    }
  }
  return sorted(new Map([...contents].map(([name, digests]) => [name, sorted(digests)])));
}

/** Repositories below a registry that the manifests name, as sources or destinations, in byte order. */
export function repositoriesOfManifests(
  manifests: readonly PromoterManifest[],
  registry: string,
): readonly RepositoryName[] {
  const prefix = registry.replace(/\/+$/, "");
  const names = new Set<string>();
  for (const { source, destinations, images } of manifests) {
    for (const { name } of [source, ...destinations]) {
      for (const image of images) names.add(`${name}/${image.name}`);
    }
  }
  return [...names]
    .filter((name) => isBelow(prefix, name))
    .sort()
    .map(parseRepository);
}
