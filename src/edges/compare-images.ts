import type { Place } from "../diagnostics/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { EdgeChange, EdgeSide, RepositoryChange } from "./compare.ts";
import { type DesiredImage, tagsOrDigest } from "./edges.ts";

/** What is asked for of a digest, as it is looked up: tags, or `null` where there is none. */
interface Wanted {
  readonly sources: readonly RepositoryName[];
  readonly tags: ReadonlyMap<Tag | null, Place>;
}

type AllWanted = ReadonlyMap<Digest, Wanted>;

/** What is asked for in a repository and was not, or the other way round. */
export function compareImages(
  before: readonly DesiredImage[],
  after: readonly DesiredImage[],
): Omit<RepositoryChange, "destinations"> {
  const [then, now] = [byDigest(before), byDigest(after)];
  const gone = goneSides(then, now);
  const edges: EdgeChange[] = [];
  for (const [digest, wanted] of now) {
    const earlier = then.get(digest);
    for (const [tag, at] of wanted.tags) {
      const side = { digest, sources: wanted.sources, at };
      const before = earlier?.tags.get(tag);
      if (earlier === undefined || before === undefined) {
        const moved = gone.get(tag)?.shift();
        edges.push(
          moved === undefined
            ? { kind: "added", tag, after: side }
            : { kind: "moved", tag, before: moved, after: side },
        );
      } else if (earlier.sources.join() !== wanted.sources.join()) {
        const { sources } = earlier;
        edges.push({ kind: "source-changed", tag, before: { digest, sources, at: before }, after: side });
      }
    }
  }
  for (const [tag, sides] of gone) {
    for (const side of sides) edges.push({ kind: "removed", tag, before: side });
  }
  for (const [digest, { sources, tags }] of then) {
    const at = tags.get(null);
    if (at !== undefined && !now.has(digest)) {
      edges.push({ kind: "removed", tag: null, before: { digest, sources, at } });
    }
  }
  return {
    edges,
    addedDigests: [...now.keys()].filter((digest) => !then.has(digest)),
    removedDigests: [...then.keys()].filter((digest) => !now.has(digest)),
  };
}

/** Tags that are not asked for at a digest any more, each with the digests that it stood at. */
function goneSides(then: AllWanted, now: AllWanted): Map<Tag | null, EdgeSide[]> {
  const gone = new Map<Tag | null, EdgeSide[]>();
  for (const [digest, { sources, tags }] of then) {
    for (const [tag, at] of tags) {
      if (tag === null || now.get(digest)?.tags.has(tag)) continue;
      gone.set(tag, [...(gone.get(tag) ?? []), { digest, sources, at }]);
    }
  }
  return gone;
}

function byDigest(images: readonly DesiredImage[]): AllWanted {
  return new Map(
    images.map((image) => [
      image.digest,
      {
        sources: [...new Set(image.sources.map(({ repository }) => repository))].sort(),
        tags: new Map(tagsOrDigest(image).map(({ tag, at }) => [tag, at])),
      },
    ]),
  );
}
