import { type Diagnostic, inOrder } from "../diagnostics/index.ts";
import { blocksByName } from "./image-blocks.ts";
import type { ManifestTree, PromoterManifest } from "./model.ts";
import { findOverlaps, type Overlap, overlapDiagnostic } from "./overlap.ts";
import { readManifests } from "./read.ts";

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

/** Reads a directory of thin manifests or one plain manifest and checks it, offline. Never throws. */
export async function checkManifests(path: string): Promise<CheckResult> {
  return checkTree(await readManifests(path));
}

/** Checks manifests that have been read: adds what can only be seen when looking at all of them. */
export function checkTree({ path, manifests, diagnostics, unreadable }: ManifestTree): CheckResult {
  const overlaps = findOverlaps(manifests);
  return {
    path,
    counts: countManifests(manifests),
    diagnostics: inOrder([...diagnostics, ...overlaps.map(overlapDiagnostic)]),
    overlaps,
    unreadable,
  };
}

function countManifests(manifests: readonly PromoterManifest[]): ManifestCounts {
  const destinations = new Set<string>();
  const repositories = new Set<string>();
  let images = 0;
  let digests = 0;
  let tags = 0;
  let edges = 0;
  for (const manifest of manifests) {
    for (const { name } of manifest.destinations) destinations.add(name);
    for (const [name, blocks] of blocksByName(manifest.images)) {
      images += 1;
      for (const registry of manifest.destinations) repositories.add(`${registry.name}/${name}`);
      for (const entry of blocks.flatMap((block) => block.digests)) {
        digests += 1;
        tags += entry.tags.length;
        edges += Math.max(1, entry.tags.length) * manifest.destinations.length;
      }
    }
  }
  return {
    projects: manifests.length,
    images,
    digests,
    tags,
    destinations: destinations.size,
    repositories: repositories.size,
    edges,
  };
}
