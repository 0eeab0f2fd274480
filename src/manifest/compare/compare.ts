import type { Digest, RepositoryName, Tag } from "../../oci/index.ts";
import type { ManifestTree, ProvenancePolicy } from "../model.ts";
import { compareEdges, countEdges } from "./edges.ts";
import { compareProjects, rewrittenFiles } from "./projects.ts";
import { joinRepositories } from "./units.ts";

/**
 * What two states of a tree of manifests ask for, compared by meaning: plain data, to be printed as JSON. Order,
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
  /** `file:line:column` of the tag, or of the digest when there is none. */
  readonly at: string;
}

/** A project whose registries are not what they were. */
export interface ProjectChange {
  readonly project: string;
  readonly kind: "added" | "removed" | "changed";
  /** Its former name, when only its folder was renamed. */
  readonly renamedFrom?: string;
  /** The staging registry, when it is another one. */
  readonly source?: { readonly before: RegistrySide; readonly after: RegistrySide };
  /** The policy of provenance, when it is another one: its modes, and where it stands now. */
  readonly provenance?: {
    readonly before: ProvenancePolicy["mode"];
    readonly after: ProvenancePolicy["mode"];
    readonly at: string;
  };
  readonly addedDestinations: readonly RegistrySide[];
  readonly removedDestinations: readonly RegistrySide[];
}

/** A registry as one of the two states names it. */
export interface RegistrySide {
  readonly name: string;
  /** `file:line:column`. */
  readonly at: string;
}

/**
 * Compares what two states of a tree ask for. What a project asked for that cannot be read any more is not taken for
 * removed: it is left out. Lists that repositories share are compared once, so the time it takes depends on the lines of
 * the manifests and on the number of repositories, not on the number of edges.
 */
export function compareManifests(before: ManifestTree, after: ManifestTree): ManifestComparison {
  const lost = new Set(after.unreadable);
  const known = before.manifests.filter(({ project }) => !lost.has(project));
  const edges = { added: 0, removed: 0, moved: 0, "source-changed": 0, unchanged: 0 };
  const repositories: RepositoryChange[] = [];
  for (const joint of joinRepositories(known, after.manifests)) {
    const change = joint.isSame ? undefined : compareEdges(joint);
    const times = joint.destinations.length;
    let asked = countEdges(joint.after);
    for (const { kind } of change?.edges ?? []) {
      edges[kind] += times;
      if (kind !== "removed") asked -= 1;
    }
    edges.unchanged += asked * times;
    if (change !== undefined && change.edges.length > 0) repositories.push(change);
  }
  repositories.sort(({ destinations: [one = ""] }, { destinations: [other = ""] }) => (one < other ? -1 : 1));
  return {
    edges,
    repositories,
    projects: compareProjects(known, after.manifests, new Set(before.unreadable)),
    rewritten: rewrittenFiles(before, after),
    unreadable: { before: before.unreadable, after: after.unreadable },
  };
}

/** Whether both states ask for the same, as far as they could be read. */
export function asksForTheSame({ repositories, unreadable }: ManifestComparison): boolean {
  const { before, after } = unreadable;
  return repositories.length === 0 && before.toSorted().join("\n") === after.toSorted().join("\n");
}
