import type { Place } from "../diagnostics/index.ts";
import {
  type CommitOptions,
  type CommittedManifests,
  type ManifestTree,
  type ProvenancePolicy,
  readManifestsUnlike,
} from "../manifest/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import { compareImages } from "./compare-images.ts";
import { compareProjects, rewrittenFiles } from "./compare-projects.ts";
import { countEdges, type DesiredImage, type EdgeGroup, type EdgeSet, edgesOf, type Feed } from "./edges.ts";
import { edgesText } from "./hash.ts";

/**
 * What two states of a tree of manifests ask for, compared by meaning: plain data. Order,
 * comments, quotes, line ends, the blocks that an image is listed in and the names of projects mean nothing.
 */
export interface ManifestComparison {
  /** Edges by what became of them: a tag of a digest in a production repository each, or a digest without tags. */
  readonly edges: Readonly<Record<EdgeChangeKind | "unchanged", number>>;
  /** Production repositories in which something else is asked for than before, those alike together. */
  readonly repositories: readonly RepositoryChange[];
  /** Projects that came, went, or promote from or to other registries. */
  readonly projects: readonly ProjectChange[];
  /** Files whose text differs, although they ask for the same. */
  readonly rewritten: readonly string[];
  /** Projects that could not be read, so that nobody knows what they asked or ask for. */
  readonly unreadable: { readonly before: readonly string[]; readonly after: readonly string[] };
}

/**
 * - `added`: it is asked for, and was not.
 * - `removed`: it was asked for, and is not.
 * - `moved`: the tag is asked for at another digest.
 * - `source-changed`: it is asked for as before, from other staging repositories.
 */
export type EdgeChangeKind = "added" | "removed" | "moved" | "source-changed";

/** Changes that production repositories have in common: usually the mirrors of one image. */
export interface RepositoryChange {
  /** In the order of their names. */
  readonly destinations: readonly RepositoryName[];
  readonly edges: readonly EdgeChange[];
  /** Digests that are asked for there, and were not, with or without a tag. */
  readonly addedDigests: readonly Digest[];
  /** Digests that were asked for there, and are not any more. */
  readonly removedDigests: readonly Digest[];
}

/** A tag, or a digest without tags, that is not asked for as it was. */
export interface EdgeChange {
  readonly kind: EdgeChangeKind;
  /** `null` for a digest that is promoted without a tag. */
  readonly tag: Tag | null;
  readonly before?: EdgeSide;
  readonly after?: EdgeSide;
}

/** An edge as one of the two states asks for it. */
export interface EdgeSide {
  readonly digest: Digest;
  /** Staging repositories that are named for the digest, in the order of their names. */
  readonly sources: readonly RepositoryName[];
  /** Of the tag, or of the digest when there is none. */
  readonly at: Place;
}

/** A project whose registries are not what they were. */
export interface ProjectChange {
  readonly project: string;
  readonly kind: "added" | "removed" | "changed";
  /** Its former name, when only its folder was renamed. */
  readonly renamedFrom?: string | undefined;
  /** The staging registry, when it is another one. */
  readonly source?: { readonly before: RegistrySide; readonly after: RegistrySide } | undefined;
  /** The policy of provenance, when it is another one: its modes, and where it stands now. */
  readonly provenance?:
    | {
        readonly before: ProvenancePolicy["mode"];
        readonly after: ProvenancePolicy["mode"];
        readonly at: Place;
      }
    | undefined;
  readonly addedDestinations: readonly RegistrySide[];
  readonly removedDestinations: readonly RegistrySide[];
}

/** A registry as one of the two states names it. */
export interface RegistrySide {
  readonly name: string;
  readonly at: Place;
}

/**
 * Compares what two states of a tree ask for. What a project asked for that cannot be read any more is not taken for
 * removed: it is left out. Lists that repositories share are compared once, so the time it takes depends on the lines of
 * the manifests and on the number of repositories, not on the number of edges.
 */
export function compareManifests(before: ManifestTree, after: ManifestTree): ManifestComparison {
  return compareEdges(before, after).changes;
}

/** The comparison, with all that was asked for before by projects that can still be read, and all that is asked for now. */
export interface ComparedEdges {
  readonly changes: ManifestComparison;
  readonly before: EdgeSet;
  readonly all: EdgeSet;
}

/** {@link compareManifests}, with what it compares. */
export function compareEdges(before: ManifestTree, after: ManifestTree): ComparedEdges {
  const lost = new Set(after.unreadable);
  const known = before.manifests.filter(({ project }) => !lost.has(project));
  const earlier = edgesOf(known);
  const edges = edgesOf(after.manifests);
  const counts = { added: 0, removed: 0, moved: 0, "source-changed": 0, unchanged: 0 };
  const repositories: RepositoryChange[] = [];
  for (const { destinations, before: then, after: now, isSame } of jointGroups(earlier, edges)) {
    const change = isSame ? undefined : { destinations, ...compareImages(then, now) };
    let asked = countEdges(now);
    for (const { kind } of change?.edges ?? []) {
      counts[kind] += destinations.length;
      if (kind !== "removed") asked -= 1;
    }
    counts.unchanged += asked * destinations.length;
    if (change !== undefined && change.edges.length > 0) repositories.push(change);
  }
  const changes = {
    edges: counts,
    repositories,
    projects: compareProjects(known, after.manifests, new Set(before.unreadable)),
    rewritten: rewrittenFiles({ ...before, edges: earlier }, { ...after, edges }),
    unreadable: { before: before.unreadable, after: after.unreadable },
  };
  return { changes, before: earlier, all: edges };
}

/** Whether both states ask for the same, as far as they could be read. */
function asksForTheSame(one: ManifestTree, other: ManifestTree): boolean {
  const { repositories, unreadable } = compareManifests(one, other);
  const { before, after } = unreadable;
  return repositories.length === 0 && before.toSorted().join("\n") === after.toSorted().join("\n");
}

/**
 * Reads the manifests before their last change: those of `HEAD` when the tree on disk asks for something else than
 * `HEAD` does, otherwise those of its first parent, which for a merge is the branch that it was merged into.
 * `undefined` when `HEAD` is the first commit, so that everything is new.
 * @throws {GitError} as {@link readManifestsAt}.
 */
export async function readManifestsBeforeChange(
  tree: ManifestTree,
  options: CommitOptions = {},
): Promise<CommittedManifests | undefined> {
  return readManifestsUnlike(tree, asksForTheSame, options);
}

/** Production repositories that ask for the same before, and for the same after. */
interface JointGroup {
  /** In the order of their names. */
  readonly destinations: readonly RepositoryName[];
  readonly before: readonly DesiredImage[];
  readonly after: readonly DesiredImage[];
  readonly isSame: boolean;
}

/** In the order of their first destinations. */
function jointGroups(before: EdgeSet, after: EdgeSet): Iterable<JointGroup> {
  const [written, writes] = [groupsByDestination(before), groupsByDestination(after)];
  const meaning = meaningsOfGroups();
  const joint = new Map<string, JointGroup & { destinations: RepositoryName[] }>();
  for (const destination of new Set([...written.keys(), ...writes.keys()].sort())) {
    const [then, now] = [written.get(destination), writes.get(destination)];
    const [one, other] = [meaning(then), isOfSameBlocks(then, now) ? meaning(then) : meaning(now)];
    const key = `${one}|${other}`;
    const known = joint.get(key);
    if (known !== undefined) known.destinations.push(destination);
    else {
      joint.set(key, {
        destinations: [destination],
        before: then?.images ?? [],
        after: now?.images ?? [],
        isSame: one === other,
      });
    }
  }
  return joint.values();
}

function groupsByDestination({ groups }: EdgeSet): ReadonlyMap<RepositoryName, EdgeGroup> {
  return new Map(groups.flatMap((group) => group.destinations.map((destination) => [destination, group])));
}

/** Whether two groups are fed by the same blocks of the same manifests, which is seen without reading them. */
function isOfSameBlocks(one: EdgeGroup | undefined, other: EdgeGroup | undefined): boolean {
  return (
    one?.feeds.length === other?.feeds.length &&
    one?.feeds.every(({ manifest, name }, index) => {
      const feed = other?.feeds[index];
      return feed?.manifest === manifest && feed.name === name;
    }) === true
  );
}

/** Names groups by what their feeds ask for, and from where: those that ask for the same have the same name. */
function meaningsOfGroups(): (group: EdgeGroup | undefined) => string {
  const numbers = new Map<string, number>();
  const feeds = new Map<Feed, number>();
  const groups = new Map<EdgeGroup | undefined, string>();
  const numberOf = (feed: Feed): number => {
    const known = feeds.get(feed);
    if (known !== undefined) return known;
    const text = `${feed.source}\n${edgesText(feed.images)}`;
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    feeds.set(feed, number);
    return number;
  };
  return (group) => {
    const known = groups.get(group);
    if (known !== undefined) return known;
    const own = new Set(group?.feeds.map(numberOf));
    const meaning = [...own].sort((one, other) => one - other).join(" ");
    groups.set(group, meaning);
    return meaning;
  };
}
