import type { Diagnostic, TextPosition } from "../diagnostics/index.ts";
import type { Digest, Tag } from "../oci/index.ts";
import { diagnostic } from "./findings.ts";
import { blocksByName } from "./image-blocks.ts";
import type { ImageEntry, PromoterManifest } from "./model.ts";

/** One production tag that is asked for with two digests or more. */
export interface Overlap {
  /** Production repositories (`registry/path/image`) that the same lines contend for, in the order of their names. */
  readonly repositories: readonly string[];
  readonly tag: Tag;
  /** Every line that asks for the tag there, in the order of the manifests. */
  readonly claims: readonly OverlapClaim[];
}

/** A line that asks for the tag. */
export interface OverlapClaim {
  readonly digest: Digest;
  readonly project: string;
  readonly file: string;
  readonly at: TextPosition;
}

/** All blocks of one image of one manifest: they write the same repositories. */
interface Writer {
  readonly manifest: PromoterManifest;
  readonly blocks: readonly ImageEntry[];
}

/**
 * Finds every production tag that the manifests want at more than one digest: the rule of the incumbents
 * (`overlapping edges detected`). The same digest from several sources, and digests without tags, do not overlap.
 * Tags are compared once for each set of image blocks that meet somewhere, however many destinations they share.
 */
export function findOverlaps(manifests: readonly PromoterManifest[]): Overlap[] {
  const overlaps = new Map<string, Overlap>();
  for (const { writers, repositories } of meetings(manifests)) {
    for (const { tag, claims } of contestedTags(writers)) {
      const key = `${tag} ${claims.map(({ file, at }) => `${at.line}:${at.column}:${file}`).join(" ")}`;
      const known = overlaps.get(key);
      overlaps.set(key, { repositories: [...(known?.repositories ?? []), ...repositories], tag, claims });
    }
  }
  return [...overlaps.values()].map((overlap) => ({
    ...overlap,
    repositories: overlap.repositories.toSorted(),
  }));
}

/** The overlap as a finding, at the first line whose digest differs from that of the line before it. */
export function overlapDiagnostic({ repositories, tag, claims }: Overlap): Diagnostic {
  const [first, ...others] = claims;
  const contrary = others.find(({ digest }) => digest !== first?.digest) ?? first;
  const digests = [...new Set(claims.map(({ digest }) => digest))];
  const more = repositories.length > 1 ? ` and ${repositories.length - 1} more` : "";
  const message =
    `overlapping edges detected: ${repositories[0]}:${tag}${more} ` +
    `is asked for with ${digests.length} digests: ${digests.join(", ")}`;
  return diagnostic("overlap", contrary?.file ?? "", contrary?.at, message, {
    hint: "keep the tag at one digest; a tag that production has already cannot move",
    related: claims
      .filter((claim) => claim !== contrary)
      .map(({ file, at, digest }) => ({ file, at, message: `${tag} at ${digest}` })),
  });
}

/** Sets of writers, each with the repositories that just these writers write. */
function meetings(
  manifests: readonly PromoterManifest[],
): Iterable<{ readonly writers: readonly Writer[]; readonly repositories: string[] }> {
  const writers: Writer[] = [];
  const writersOf = new Map<string, number[]>();
  for (const manifest of manifests) {
    for (const [name, blocks] of blocksByName(manifest.images)) {
      const id = writers.push({ manifest, blocks }) - 1;
      for (const { name: registry } of manifest.destinations) {
        const repository = `${registry}/${name}`;
        const ids = writersOf.get(repository);
        if (ids === undefined) writersOf.set(repository, [id]);
        else if (ids.at(-1) !== id) ids.push(id);
      }
    }
  }
  const groups = new Map<string, { writers: readonly Writer[]; repositories: string[] }>();
  for (const [repository, ids] of writersOf) {
    const key = ids.join(" ");
    const group = groups.get(key);
    if (group !== undefined) group.repositories.push(repository);
    else {
      const met = ids.map((id) => writers[id]).filter((writer) => writer !== undefined);
      groups.set(key, { writers: met, repositories: [repository] });
    }
  }
  return groups.values();
}

function contestedTags(
  writers: readonly Writer[],
): readonly { readonly tag: Tag; readonly claims: readonly OverlapClaim[] }[] {
  const digestOf = new Map<Tag, Digest>();
  const contested = new Map<Tag, OverlapClaim[]>();
  for (const { blocks } of writers) {
    for (const { digests } of blocks) {
      for (const { digest, tags } of digests) {
        for (const { tag } of tags) {
          const other = digestOf.get(tag);
          if (other === undefined) digestOf.set(tag, digest);
          else if (other !== digest) contested.set(tag, []);
        }
      }
    }
  }
  if (contested.size > 0) collectClaims(writers, contested);
  return [...contested].map(([tag, claims]) => ({ tag, claims }));
}

function collectClaims(writers: readonly Writer[], contested: ReadonlyMap<Tag, OverlapClaim[]>): void {
  for (const { manifest, blocks } of writers) {
    for (const { digest, tags } of blocks.flatMap(({ digests }) => digests)) {
      for (const { tag, at } of tags) {
        contested.get(tag)?.push({ digest, project: manifest.project, file: manifest.imagesFile, at });
      }
    }
  }
}
