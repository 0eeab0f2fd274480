import { type Diagnostic, inOrder } from "../diagnostics/index.ts";
import type { ManifestTree } from "../manifest/index.ts";
import { countEdges, type EdgeSet, edgesOf } from "./edges.ts";
import { findOverlaps, type Overlap, overlapDiagnostic } from "./overlap.ts";

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
}

/** Checks manifests that have been read: adds what can only be seen when looking at all of them. */
export function checkTree({ path, manifests, diagnostics, unreadable }: ManifestTree): CheckResult {
  const edges = edgesOf(manifests);
  const overlaps = findOverlaps(edges);
  return {
    path,
    counts: countsOf(manifests, edges),
    diagnostics: inOrder([...diagnostics, ...overlaps.map(overlapDiagnostic)]),
    overlaps,
    unreadable,
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
    projects: manifests.length,
    images: feeds.length,
    digests,
    tags,
    destinations: new Set(registries).size,
    repositories: groups.reduce((sum, group) => sum + group.destinations.length, 0),
    edges,
  };
}
