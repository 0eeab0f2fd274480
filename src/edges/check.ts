import { type Diagnostic, inOrder } from "../diagnostics/index.ts";
import type { ManifestTree } from "../manifest/index.ts";
import { countEdges, type EdgeSet, edgesOf } from "./edges.ts";
import { findOverlaps, type Overlap, overlapDiagnostic } from "./overlap.ts";
import { selectEdges, selectedFindings, selectParts } from "./select.ts";
import type { Selected, Selection } from "./selection.ts";

/** How much the manifests ask for, without what was left out. */
export interface ManifestCounts {
  /** Projects that could be read. */
  readonly projects: number;
  /** Image names, counted once in each project however many blocks list them. */
  readonly images: number;
  /** Lines of all dmaps. */
  readonly digests: number;
  readonly tags: number;
  /** Different destination registries. */
  readonly destinations: number;
  /** Different production repositories. */
  readonly repositories: number;
  /** A tag of a digest in a destination each; a digest without tags counts as one tag. */
  readonly edges: number;
}

/** What checking a directory or a plain manifest, offline, found. */
export interface CheckResult {
  /** As asked for, normalized. */
  readonly path: string;
  readonly counts: ManifestCounts;
  /** All findings, overlaps included, in the order of file, line and column. */
  readonly diagnostics: readonly Diagnostic[];
  readonly overlaps: readonly Overlap[];
  /** Projects that could not be read at all. */
  readonly unreadable: readonly string[];
  /** What was selected: all of this is about that alone. Absent when everything is checked. */
  readonly selection?: Selected;
}

/**
 * Checks manifests that have been read: adds what can only be seen when looking at all of them. What is wrong with selected
 * projects and images is told although the others are looked at as well.
 * @throws {SelectionError} `nothing-selected`.
 */
export function checkTree(tree: ManifestTree, selection?: Selection): CheckResult {
  const { path, manifests, unreadable } = tree;
  const edges = edgesOf(manifests);
  const overlaps = findOverlaps(edges).map((overlap) => ({ overlap, found: overlapDiagnostic(overlap) }));
  const diagnostics = inOrder([...tree.diagnostics, ...overlaps.map(({ found }) => found)]);
  if (selection === undefined) {
    const all = overlaps.map(({ overlap }) => overlap);
    return { path, counts: countsOf(manifests, edges), diagnostics, overlaps: all, unreadable };
  }
  const parts = selectParts(tree, selection);
  const { selected } = selectEdges(edges, tree, selection);
  const { within } = selectedFindings({ ...tree, diagnostics }, selection);
  const kept = new Set(within);
  return {
    path,
    counts: countsOf(parts, edgesOf(parts)),
    diagnostics: within,
    overlaps: overlaps.flatMap(({ overlap, found }) => (kept.has(found) ? [overlap] : [])),
    unreadable: unreadable.filter((project) => selection.projects.matches(project)),
    selection: selected,
  };
}

function countsOf(manifests: ManifestTree["manifests"], { feeds, groups }: EdgeSet): ManifestCounts {
  const registries = manifests.flatMap(({ destinations }) => destinations.map(({ name }) => name));
  let digests = 0;
  let tags = 0;
  let edges = 0;
  for (const { manifest, blocks } of feeds) {
    for (const entry of blocks.flatMap((block) => block.digests)) {
      digests += 1;
      tags += entry.tags.length;
      edges += countEdges([entry]) * manifest.destinations.length;
    }
  }
  return {
    // A project is in several parts when an image is selected for one of its registries alone.
    projects: new Set(manifests.map(({ file }) => file)).size,
    images: feeds.length,
    digests,
    tags,
    destinations: new Set(registries).size,
    repositories: groups.reduce((sum, group) => sum + group.destinations.length, 0),
    edges,
  };
}
