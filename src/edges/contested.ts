import type { TextPosition } from "../diagnostics/index.ts";
import type { TagEntry } from "../manifest/index.ts";
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
  onEachLine(feeds, (_, digest, { tag }) => {
    const other = digests.get(tag);
    if (other === undefined) digests.set(tag, digest);
    else if (other !== digest) contested.set(tag, []);
  });
  if (contested.size === 0) return contested;
  onEachLine(feeds, ({ project, imagesFile }, digest, { tag, at }) => {
    contested.get(tag)?.push({ digest, project, file: imagesFile, at });
  });
  return contested;
}

/** Makes no object of a line: there are as many of them as tags, and hardly any is contested. */
function onEachLine(
  feeds: readonly Feed[],
  work: (manifest: Feed["manifest"], digest: Digest, line: TagEntry) => void,
): void {
  for (const { manifest, blocks } of feeds) {
    for (const { digests } of blocks) {
      for (const { digest, tags } of digests) for (const line of tags) work(manifest, digest, line);
    }
  }
}
