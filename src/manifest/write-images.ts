import { blocksByName } from "./image-blocks.ts";
import type { ImageEntry } from "./model.ts";

/** Images by name, their digests, and the tags of each: what a list of images says, without its form. */
export type ImageListing = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/**
 * How the incumbents write a list of images, byte for byte:
 * - `snapshot`: `cip --snapshot`, `cip-mm` and `kpromo cip --snapshot`; by name, digest and tag, `["a", "b"]`.
 * - `pr`: `kpromo pr`; digests in the order of their smallest tag, `["a","b"]`. It fails on digests without tags,
 *   which come first here.
 * - `csv`: `--output csv`; a line for each tag, `NAME@DIGEST,NAME:TAG`, and `NAME@DIGEST,-` without tags.
 *
 * All three sort by bytes, not by version, and keep no comments.
 */
export type ImageListFormat = "snapshot" | "pr" | "csv";

/** Writes a list of images as text. An empty list is an empty text; a tag that is given twice is written once. */
export function writeImages(images: ImageListing, format: ImageListFormat): string {
  const lines = [...images].sort(byFirst).flatMap(([name, digests]) => {
    const sorted = [...digests].map(([digest, tags]): Digest => [digest, [...new Set(tags)].sort()]);
    return writeImage(name, sorted, format);
  });
  return lines.map((line) => `${line}\n`).join("");
}

/** The listing of images that were read: blocks of one name, and lines of one digest, become one. */
export function listImages(images: readonly ImageEntry[]): ImageListing {
  const listing = new Map<string, Map<string, readonly string[]>>();
  for (const [name, blocks] of blocksByName(images)) {
    const digests = new Map<string, readonly string[]>();
    for (const { digest, tags } of blocks.flatMap((block) => block.digests)) {
      digests.set(digest, [...(digests.get(digest) ?? []), ...tags.map(({ tag }) => tag)]);
    }
    listing.set(name, digests);
  }
  return listing;
}

type Digest = readonly [digest: string, tags: readonly string[]];

function writeImage(name: string, digests: readonly Digest[], format: ImageListFormat): readonly string[] {
  if (format === "csv") return digests.toSorted(byFirst).flatMap((entry) => writeRows(name, entry));
  const sorted = digests.toSorted(format === "pr" ? bySmallestTag : byFirst);
  const separator = format === "pr" ? "," : ", ";
  return [
    `- name: ${name}`,
    "  dmap:",
    ...sorted.map(([digest, tags]) => `    ${quoted(digest)}: [${tags.map(quoted).join(separator)}]`),
  ];
}

function writeRows(name: string, [digest, tags]: Digest): readonly string[] {
  if (tags.length === 0) return [`${name}@${digest},-`];
  return tags.map((tag) => `${name}@${digest},${name}:${tag}`);
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function byFirst([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function bySmallestTag(one: Digest, other: Digest): number {
  return byFirst([one[1][0] ?? "", one], [other[1][0] ?? "", other]) || byFirst(one, other);
}
