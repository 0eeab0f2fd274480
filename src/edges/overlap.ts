import { type Diagnostic, firstOf } from "../diagnostics/index.ts";
import { diagnostic } from "../manifest/index.ts";
import type { Tag } from "../oci/index.ts";
import type { OverlapClaim } from "./contested.ts";
import type { EdgeSet } from "./edges.ts";

/** One production tag that is asked for with two digests or more. */
export interface Overlap {
  /** Production repositories (`registry/path/image`) that the same lines contend for, in the order of their names. */
  readonly repositories: readonly string[];
  readonly tag: Tag;
  /** Every line that asks for the tag there, in the order of the manifests. */
  readonly claims: readonly OverlapClaim[];
}

/**
 * Every production tag that is wanted at more than one digest: the rule of the incumbents (`overlapping edges detected`).
 * The same digest from several sources, and digests without tags, do not overlap.
 */
export function findOverlaps({ groups }: EdgeSet): Overlap[] {
  const overlaps = new Map<string, Overlap>();
  for (const { destinations, contested } of groups) {
    for (const [tag, claims] of contested) {
      const key = `${tag} ${claims.map(({ file, at }) => `${at.line}:${at.column}:${file}`).join(" ")}`;
      const known = overlaps.get(key);
      overlaps.set(key, { repositories: [...(known?.repositories ?? []), ...destinations], tag, claims });
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
  const message =
    `overlapping edges detected: ${firstOf(repositories.map((name) => `${name}:${tag}`))} ` +
    `is asked for with ${digests.length} digests: ${digests.join(", ")}`;
  return diagnostic("overlap", contrary?.file ?? "", contrary?.at, message, {
    hint: "keep the tag at one digest; a tag that production has already cannot move",
    related: claims
      .filter((claim) => claim !== contrary)
      .map(({ file, at, digest }) => ({ file, at, message: `${tag} at ${digest}` })),
  });
}
