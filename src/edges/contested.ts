import type { TextPosition } from "../diagnostics/index.ts";
import type { Digest, Tag } from "../oci/index.ts";
import type { Feed } from "./edges.ts";

/** A line that asks for a tag at a digest, where other lines ask for it at others. */
export interface OverlapClaim {
  readonly digest: Digest;
  readonly project: string;
  readonly file: string;
  readonly at: TextPosition;
}

/** Tags that lines which write the same repository ask for at two digests or more, each with every line that does. */
export function contestedTags(feeds: readonly Feed[]): ReadonlyMap<Tag, readonly OverlapClaim[]> {
  const digests = new Map<Tag, Digest>();
  const contested = new Map<Tag, OverlapClaim[]>();
  for (const { digest, tag } of linesOf(feeds)) {
    const other = digests.get(tag);
    if (other === undefined) digests.set(tag, digest);
    else if (other !== digest) contested.set(tag, []);
  }
  if (contested.size === 0) return contested;
  for (const { tag, ...claim } of linesOf(feeds)) contested.get(tag)?.push(claim);
  return contested;
}

function* linesOf(feeds: readonly Feed[]): Generator<OverlapClaim & { readonly tag: Tag }> {
  for (const { manifest, blocks } of feeds) {
    for (const { digest, tags } of blocks.flatMap(({ digests }) => digests)) {
      for (const { tag, at } of tags) {
        yield { digest, tag, project: manifest.project, file: manifest.imagesFile, at };
      }
    }
  }
}
