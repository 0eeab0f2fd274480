import { formatPlace } from "../diagnostics/index.ts";
import type { EdgeChange, EdgeSet, EdgeSide, Feed, ManifestComparison } from "../edges/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import type { ReviewedLine } from "./review.ts";

/** A line that asks for something else than before, and whose it is. */
export interface ChangedLine extends ReviewedLine {
  readonly project: string;
}

export interface ChangedLines {
  readonly lines: readonly ChangedLine[];
  /** The line that asks for an edge; none for an edge of a line that is as it was, and goes to another registry. */
  lineOf(destination: RepositoryName, digest: string, tag: string | null): ChangedLine | undefined;
  /** Edges that lines which are as they were ask of a registry to which their project did not promote. */
  newEdgesAt(project: string, registry: string): number;
}

/** Brings the changed edges of two states together by the lines that ask, or asked, for them. */
export function changedLines(
  before: EdgeSet,
  after: EdgeSet,
  { repositories }: Pick<ManifestComparison, "repositories">,
): ChangedLines {
  const [then, now] = [sideOf(before), sideOf(after)];
  const lines = new Map<string, ChangedLine & { destinations: RepositoryName[] }>();
  const byEdge = new Map<string, ChangedLine>();
  const spread = new Map<string, RepositoryName[]>();
  for (const { destinations, edges } of repositories) {
    for (const edge of edges) {
      const isGone = edge.after === undefined;
      const [own, others] = isGone ? [then, now] : [now, then];
      const found = edge.after ?? edge.before;
      const owner = found === undefined ? undefined : own.ownerOf(found);
      if (found === undefined || owner === undefined || edge.kind === "source-changed") continue;
      if (edge.kind !== "moved" && others.asksFor(owner.source, found.digest, edge.tag)) {
        const others = spread.get(owner.project) ?? [];
        if (!isGone) others.push(...destinations);
        spread.set(owner.project, others);
        continue;
      }
      const key = `${edge.kind} ${formatPlace(found.at)} ${edge.tag} ${edge.before?.digest}`;
      const line = lines.get(key) ?? lineFrom(edge, found, owner);
      line.destinations.push(...destinations);
      lines.set(key, line);
      if (!isGone) {
        for (const destination of destinations)
          byEdge.set(`${destination} ${found.digest} ${edge.tag}`, line);
      }
    }
  }
  for (const line of lines.values()) line.destinations.sort();
  return {
    lines: [...lines.values()],
    lineOf: (destination, digest, tag) => byEdge.get(`${destination} ${digest} ${tag}`),
    newEdgesAt: (project, registry) =>
      (spread.get(project) ?? []).filter((destination) => destination.startsWith(`${registry}/`)).length,
  };
}

interface Owner {
  readonly project: string;
  readonly image: string;
  readonly source: RepositoryName;
}

function lineFrom(
  { kind, tag, before }: EdgeChange,
  { digest, at }: EdgeSide,
  { project, image, source }: Owner,
): ChangedLine & { destinations: RepositoryName[] } {
  const moved =
    kind === "moved" && before !== undefined ? { digest: before.digest, at: before.at } : undefined;
  return { kind, project, image, tag, digest, before: moved, at, source, destinations: [] };
}

function sideOf({ feeds }: EdgeSet) {
  const byFile = new Map(feeds.map(({ manifest }) => [manifest.imagesFile, manifest]));
  const asked = new Map<string, ReadonlySet<string>>();
  const askedOf = (source: string): ReadonlySet<string> => {
    const known = asked.get(source) ?? edgesFrom(source, feeds);
    asked.set(source, known);
    return known;
  };
  return {
    ownerOf({ at, sources }: EdgeSide): Owner | undefined {
      const manifest = byFile.get(at.file);
      const prefix = `${manifest?.source.name}/`;
      const source = sources.find((name) => name.startsWith(prefix)) ?? sources[0];
      if (manifest === undefined || source === undefined) return undefined;
      const image = source.startsWith(prefix) ? source.slice(prefix.length) : source;
      return { project: manifest.project, image, source };
    },
    asksFor: (source: string, digest: string, tag: string | null): boolean =>
      askedOf(source).has(`${digest} ${tag}`),
  };
}

/** Digests and tags that are promoted from a staging repository, wherever to. */
function edgesFrom(source: string, feeds: readonly Feed[]): ReadonlySet<string> {
  const edges = new Set<string>();
  for (const feed of feeds) {
    for (const { digest, tags } of feed.source === source ? feed.images : []) {
      if (tags.length === 0) edges.add(`${digest} null`);
      for (const { tag } of tags) edges.add(`${digest} ${tag}`);
    }
  }
  return edges;
}
