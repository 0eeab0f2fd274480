import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { ManifestComparison } from "./compare.ts";
import type { DesiredImage, EdgeSet } from "./edges.ts";

/** Of a digest, the tags that changed; `null` stands for the digest without any. */
type Changed = ReadonlyMap<Digest, ReadonlySet<Tag | null>>;

/**
 * Of what the manifests ask for, that which they did not ask for, or not so, before the changes: lines that were added,
 * tags that moved, new destinations, other sources. Repositories that are changed alike go on sharing one list.
 */
export function limitToChanges(
  edges: EdgeSet,
  { repositories }: Pick<ManifestComparison, "repositories">,
): EdgeSet {
  const changedIn = new Map<RepositoryName, Changed>();
  for (const { destinations, edges: changes } of repositories) {
    const changed = changedOf(changes);
    for (const destination of destinations) changedIn.set(destination, changed);
  }
  const groups = edges.groups.flatMap((group) => {
    const parts = new Map<Changed, RepositoryName[]>();
    for (const destination of group.destinations) {
      const changed = changedIn.get(destination);
      if (changed !== undefined) parts.set(changed, [...(parts.get(changed) ?? []), destination]);
    }
    return [...parts].flatMap(([changed, destinations]) => {
      const images = imagesOf(group.images, changed);
      return images.length === 0 ? [] : [{ ...group, destinations, images }];
    });
  });
  return { ...edges, groups };
}

function changedOf(edges: ManifestComparison["repositories"][number]["edges"]): Changed {
  const changed = new Map<Digest, Set<Tag | null>>();
  for (const { tag, after } of edges) {
    if (after === undefined) continue;
    const tags = changed.get(after.digest) ?? new Set();
    tags.add(tag);
    changed.set(after.digest, tags);
  }
  return changed;
}

function imagesOf(images: readonly DesiredImage[], changed: Changed): readonly DesiredImage[] {
  return images.flatMap((image) => {
    const names = changed.get(image.digest);
    if (names === undefined) return [];
    if (image.tags.length === 0) return names.has(null) ? [image] : [];
    const tags = image.tags.filter(({ tag }) => names.has(tag));
    return tags.length === 0 ? [] : [{ ...image, tags }];
  });
}
