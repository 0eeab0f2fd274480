import type { DesiredImage, EdgeSet } from "../edges/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import type { BundleSource } from "./model.ts";

/** What promoter manifests ask for, as sources of a bundle. */
export interface AskedSources {
  readonly sources: readonly BundleSource[];
  /** Tags that are asked for at two digests, `repository:tag`: nobody knows which is meant, so they are left out. */
  readonly contested: readonly string[];
}

/**
 * The images that promoter manifests ask for, listed under their destinations.
 * @param from `production`, where what promotion attached is as well, or `staging`, for those who promote on the other side.
 */
export function askedSources(
  { groups }: EdgeSet,
  from: "production" | "staging",
  open: (name: RepositoryName) => Repository,
): AskedSources {
  const sources: BundleSource[] = [];
  const contested: string[] = [];
  for (const { destinations, images, contested: claimed } of groups) {
    for (const tag of claimed.keys()) contested.push(...destinations.map((name) => `${name}:${tag}`));
    const asked = images.flatMap((image) => {
      const tags = image.tags.flatMap(({ tag }) => (claimed.has(tag) ? [] : [tag]));
      return image.tags.length > 0 && tags.length === 0 ? [] : [{ image, tags }];
    });
    const byOrigin = new Map<
      string,
      { readonly from: readonly RepositoryName[]; readonly asked: typeof asked }
    >();
    for (const each of asked) {
      const origins = from === "production" ? destinations : stagingOf(each.image);
      const key = origins.join(" ");
      byOrigin.set(key, { from: origins, asked: [...(byOrigin.get(key)?.asked ?? []), each] });
    }
    for (const { from: origins, asked: own } of byOrigin.values()) {
      sources.push({
        names: destinations,
        from: origins.map(open),
        images: own.map(({ image, tags }) => ({ digest: image.digest, tags })),
      });
    }
  }
  return { sources, contested };
}

function stagingOf({ sources }: DesiredImage): readonly RepositoryName[] {
  return [...new Set(sources.map(({ repository }) => repository))];
}
