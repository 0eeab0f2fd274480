import type { CommittedManifests, ManifestComparison } from "../manifest/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { DesiredImage, DesiredRepository } from "./desired.ts";
import type { Since } from "./plan.ts";

/** What changed in the manifests since a commit. */
export interface Limit {
  readonly commit: CommittedManifests["commit"];
  readonly changes: ManifestComparison;
}

/** Of a digest, the tags that changed; `null` stands for the digest without any. */
type Changed = ReadonlyMap<Digest, ReadonlySet<Tag | null>>;

/**
 * Of what the manifests ask for, that which they did not ask for, or not so, when the commit was made: lines that were
 * added, tags that moved, new destinations, other sources. Repositories that are changed alike go on sharing one list.
 */
export function limitToChanges(
  desired: readonly DesiredRepository[],
  { changes }: Limit,
): DesiredRepository[] {
  const changedIn = new Map<RepositoryName, Changed>();
  for (const { destinations, edges } of changes.repositories) {
    const changed = changedOf(edges);
    for (const destination of destinations) changedIn.set(destination, changed);
  }
  const limited = new Map<Changed, Map<readonly DesiredImage[], readonly DesiredImage[]>>();
  return desired.flatMap(({ destination, images }) => {
    const changed = changedIn.get(destination);
    if (changed === undefined) return [];
    const lists = limited.get(changed) ?? new Map<readonly DesiredImage[], readonly DesiredImage[]>();
    limited.set(changed, lists);
    const list = lists.get(images) ?? imagesOf(images, changed);
    lists.set(images, list);
    return list.length === 0 ? [] : [{ destination, images: list }];
  });
}

/** The limit in numbers, as plans and reports show it. */
export function describeLimit({ commit, changes }: Limit): Since {
  const { unchanged, removed } = changes.edges;
  return { commit, unchanged, removed, unreadable: changes.unreadable.before };
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
