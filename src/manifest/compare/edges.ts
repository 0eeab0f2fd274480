import type { Digest, RepositoryName, Tag } from "../../oci/index.ts";
import type { EdgeChange, EdgeSide, RepositoryChange } from "./compare.ts";
import type { JointRepositories, Unit, Want } from "./units.ts";

/** What all units of one state ask for of a digest. */
interface JointWant extends Want {
  readonly sources: readonly RepositoryName[];
}

type Wants = ReadonlyMap<Digest, JointWant>;

/** What is asked for in these repositories and was not, or the other way round. */
export function compareEdges({ destinations, before, after }: JointRepositories): RepositoryChange {
  const [then, now] = [joined(before), joined(after)];
  const gone = goneSides(then, now);
  const edges: EdgeChange[] = [];
  for (const [digest, want] of now) {
    const earlier = then.get(digest);
    for (const tag of tagsOf(want)) {
      const side = sideOf(digest, want, tag);
      if (earlier === undefined || !asksFor(earlier, tag)) {
        const moved = gone.get(tag)?.shift();
        edges.push(
          moved === undefined
            ? { kind: "added", tag, after: side }
            : { kind: "moved", tag, before: moved, after: side },
        );
      } else if (earlier.sources.join() !== want.sources.join()) {
        edges.push({ kind: "source-changed", tag, before: sideOf(digest, earlier, tag), after: side });
      }
    }
  }
  for (const [tag, sides] of gone) {
    for (const side of sides) edges.push({ kind: "removed", tag, before: side });
  }
  for (const [digest, want] of then) {
    if (want.tags.size === 0 && !now.has(digest)) {
      edges.push({ kind: "removed", tag: null, before: sideOf(digest, want, null) });
    }
  }
  return {
    destinations,
    edges,
    addedDigests: [...now.keys()].filter((digest) => !then.has(digest)),
    removedDigests: [...then.keys()].filter((digest) => !now.has(digest)),
  };
}

/** How many edges the units ask for in one repository. */
export function countEdges(units: readonly Unit[]): number {
  const [unit, ...others] = units;
  if (unit === undefined) return 0;
  let count = 0;
  for (const { tags } of (others.length === 0 ? unit.wants : joined(units)).values()) {
    count += Math.max(1, tags.size);
  }
  return count;
}

/** Tags that are not asked for at a digest any more, each with the digests that it stood at. */
function goneSides(then: Wants, now: Wants): Map<Tag | null, EdgeSide[]> {
  const gone = new Map<Tag | null, EdgeSide[]>();
  for (const [digest, want] of then) {
    for (const tag of want.tags.keys()) {
      if (now.get(digest)?.tags.has(tag)) continue;
      const sides = gone.get(tag) ?? [];
      sides.push(sideOf(digest, want, tag));
      gone.set(tag, sides);
    }
  }
  return gone;
}

function joined(units: readonly Unit[]): Wants {
  const wants = new Map<Digest, { at: string; tags: Map<Tag, string>; sources: RepositoryName[] }>();
  for (const { source, wants: own } of units) {
    for (const [digest, { at, tags }] of own) {
      const want = wants.get(digest) ?? { at, tags: new Map<Tag, string>(), sources: [] };
      for (const [tag, place] of tags) if (!want.tags.has(tag)) want.tags.set(tag, place);
      if (!want.sources.includes(source)) want.sources.push(source);
      wants.set(digest, want);
    }
  }
  for (const { sources } of wants.values()) sources.sort();
  return wants;
}

function tagsOf({ tags }: Want): readonly (Tag | null)[] {
  return tags.size === 0 ? [null] : [...tags.keys()];
}

function asksFor({ tags }: Want, tag: Tag | null): boolean {
  return tag === null ? tags.size === 0 : tags.has(tag);
}

function sideOf(digest: Digest, { at, tags, sources }: JointWant, tag: Tag | null): EdgeSide {
  return { digest, sources, at: tag === null ? at : (tags.get(tag) ?? at) };
}
