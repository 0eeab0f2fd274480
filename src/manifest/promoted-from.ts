import {
  type Digest,
  parseRepository,
  type RepositoryName,
  repositoryFault,
  restBelow,
} from "../oci/index.ts";
import type { PromoterManifest } from "./model.ts";

/** Where an image of production was promoted from, as the manifests have it. */
export interface PromotedFrom {
  readonly project: string;
  /** The repository in staging. */
  readonly source: RepositoryName;
  /** The manifest lists the digest for this image. */
  readonly isListed: boolean;
}

/**
 * The staging repositories that a production repository is promoted from; those whose manifest lists the digest come
 * first. More than one when several projects write to it.
 */
export function promotedFrom(
  manifests: readonly PromoterManifest[],
  repository: RepositoryName,
  digest: Digest,
): readonly PromotedFrom[] {
  const found = new Map<string, PromotedFrom>();
  for (const { project, source, destinations, images } of manifests) {
    for (const { name } of destinations) {
      const image = restBelow(name, repository);
      const staging = `${source.name}/${image}`;
      if (image === undefined || image === "" || repositoryFault(staging) !== undefined) continue;
      const isListed = images.some(
        (entry) => entry.name === image && entry.digests.some((each) => each.digest === digest),
      );
      found.set(`${project} ${staging}`, { project, source: parseRepository(staging), isListed });
    }
  }
  return [...found.values()].sort((one, other) => Number(other.isListed) - Number(one.isListed));
}
