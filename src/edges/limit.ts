import type { ManifestTree, PromoterManifest } from "../manifest/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import { type ComparedEdges, compareEdges, type ManifestComparison } from "./compare.ts";
import { type DesiredImage, type EdgeSet, edgesOf, tagsOrDigest } from "./edges.ts";

/** Two states of a tree, compared, and of what the second asks for that which the first did not. */
export interface ChangedEdges extends ComparedEdges {
  readonly changed: EdgeSet;
}

/** What a tree asks for, and did not ask for, or not so, in the state before. */
export function changedEdges(before: ManifestTree, after: ManifestTree): ChangedEdges {
  const compared = compareEdges(before, after);
  return { ...compared, changed: limitToChanges(compared.all, compared.changes) };
}

/**
 * Of what the manifests ask for, that which they did not ask for, or not so, before the changes: lines that were added,
 * tags that moved, new destinations, other sources. Repositories that are changed alike go on sharing one list.
 */
export function limitToChanges(
  edges: EdgeSet,
  { repositories }: Pick<ManifestComparison, "repositories">,
): EdgeSet {
  const changedIn = new Map(
    repositories.flatMap(({ destinations, edges: changes }) => {
      const sides = changes.flatMap(({ tag, after }) => (after === undefined ? [] : [{ ...after, tag }]));
      return destinations.map((destination) => [destination, sides] as const);
    }),
  );
  return limitTo(edges, changedIn);
}

/**
 * Of all edges, or of some of them, those that parts of the manifests ask for. What is known of them stays: from where else
 * they could come, and who else claims their tags.
 */
export function limitToParts(edges: EdgeSet, parts: readonly PromoterManifest[]): EdgeSet {
  const askedIn = new Map(
    edgesOf(parts).groups.flatMap(({ destinations, images }) => {
      const asked = images.flatMap((image) =>
        tagsOrDigest(image).map(({ tag }) => ({ digest: image.digest, tag })),
      );
      return destinations.map((destination) => [destination, asked] as const);
    }),
  );
  return limitTo(edges, askedIn);
}

type Named = Parameters<typeof onlyTags>[1];

/** Of the edges, those that are named of each repository; repositories of which the same list names them share the rest. */
function limitTo(edges: EdgeSet, namedIn: ReadonlyMap<RepositoryName, Named>): EdgeSet {
  const groups = edges.groups.flatMap((group) => {
    const parts = new Map<Named, RepositoryName[]>();
    for (const destination of group.destinations) {
      const named = namedIn.get(destination);
      if (named !== undefined) parts.set(named, [...(parts.get(named) ?? []), destination]);
    }
    return [...parts].flatMap(([named, destinations]) => {
      const images = onlyTags(group.images, named);
      return images.length === 0 ? [] : [{ ...group, destinations, images }];
    });
  });
  return { ...edges, groups };
}

/**
 * Of the images, those that are named, with those of their tags that are. One that is named without a tag stays when all of its
 * tags are others': the digest itself was asked for.
 * @param named tags of digests; `null` stands for a digest without any.
 */
export function onlyTags(
  images: readonly DesiredImage[],
  named: readonly { readonly digest: Digest; readonly tag: Tag | null }[],
): readonly DesiredImage[] {
  const names = new Map<Digest, Set<Tag | null>>();
  for (const { digest, tag } of named) names.set(digest, (names.get(digest) ?? new Set()).add(tag));
  return images.flatMap((image) => {
    const own = names.get(image.digest);
    const tags = image.tags.filter(({ tag }) => own?.has(tag));
    return tags.length > 0 || own?.has(null) ? [{ ...image, tags }] : [];
  });
}
