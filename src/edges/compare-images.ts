import type { Place } from "../diagnostics/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { EdgeChange, EdgeSide, RepositoryChange } from "./compare.ts";
import type { DesiredImage } from "./edges.ts";

/** What is asked for of a digest, as it is looked up. */
interface Wanted {
  readonly sources: readonly RepositoryName[];
  readonly at: Place;
  readonly tags: ReadonlyMap<Tag, Place>;
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
    for (const tag of tagsOf(wanted)) {
      const side = sideOf(digest, wanted, tag);
      if (earlier === undefined || !asksFor(earlier, tag)) {
        const moved = gone.get(tag)?.shift();
        edges.push(
          moved === undefined
            ? { kind: "added", tag, after: side }
            : { kind: "moved", tag, before: moved, after: side },
        );
      } else if (earlier.sources.join() !== wanted.sources.join()) {
        edges.push({ kind: "source-changed", tag, before: sideOf(digest, earlier, tag), after: side });
      }
    }
  }
  for (const [tag, sides] of gone) {
    for (const side of sides) edges.push({ kind: "removed", tag, before: side });
  }
  for (const [digest, wanted] of then) {
    if (wanted.tags.size === 0 && !now.has(digest)) {
      edges.push({ kind: "removed", tag: null, before: sideOf(digest, wanted, null) });
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
  for (const [digest, wanted] of then) {
    for (const tag of wanted.tags.keys()) {
      if (now.get(digest)?.tags.has(tag)) continue;
      const sides = gone.get(tag) ?? [];
      sides.push(sideOf(digest, wanted, tag));
      gone.set(tag, sides);
    }
  }
  return gone;
}

function byDigest(images: readonly DesiredImage[]): AllWanted {
  return new Map(
    images.map((image) => [
      image.digest,
      {
        sources: image.sources.map(({ repository }) => repository).sort(),
        at: image.sources[0].at,
        tags: new Map(image.tags.map(({ tag, at }) => [tag, at])),
      },
    ]),
  );
}

function tagsOf({ tags }: Wanted): readonly (Tag | null)[] {
  return tags.size === 0 ? [null] : [...tags.keys()];
}

function asksFor({ tags }: Wanted, tag: Tag | null): boolean {
  return tag === null ? tags.size === 0 : tags.has(tag);
}

function sideOf(digest: Digest, { at, tags, sources }: Wanted, tag: Tag | null): EdgeSide {
  return { digest, sources, at: tag === null ? at : (tags.get(tag) ?? at) };
}
