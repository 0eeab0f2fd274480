import type { DigestEntry, ImageEntry } from "../manifest/index.ts";
import type { Digest, Tag } from "../oci/index.ts";

/** The version of an image before another one, as the manifest lists it. */
export interface PreviousVersion {
  readonly digest: Digest;
  /** `null` for a digest that is listed without a tag. */
  readonly tag: Tag | null;
  readonly at: DigestEntry["at"];
}

/**
 * The version before one that is listed: of all versions below its tag, by semantic versioning, the highest; where the
 * tag is no version, or the lowest, the line before it in the file, or after it when it is the first. What is listed with
 * a higher version did not come before.
 * @param blocks all blocks of the image, in the order of the file.
 */
export function previousVersion(
  blocks: readonly Pick<ImageEntry, "digests">[],
  digest: Digest,
  tag: Tag | null,
): PreviousVersion | undefined {
  const entries = blocks.flatMap(({ digests }) => digests);
  const others = entries.filter((entry) => entry.digest !== digest);
  const version = tag === null ? undefined : versionOf(tag);
  let best: { readonly entry: DigestEntry; readonly tag: Tag; readonly version: Version } | undefined;
  for (const entry of version === undefined ? [] : others) {
    for (const named of entry.tags) {
      const found = versionOf(named.tag);
      if (found === undefined || version === undefined || compareVersions(found, version) >= 0) continue;
      if (best === undefined || compareVersions(found, best.version) > 0) {
        best = { entry, tag: named.tag, version: found };
      }
    }
  }
  if (best !== undefined) return { digest: best.entry.digest, tag: best.tag, at: best.entry.at };
  const at = entries.findIndex((entry) => entry.digest === digest);
  const mayBeBefore = (entry: DigestEntry): boolean =>
    entry.digest !== digest && !entry.tags.some((named) => isAbove(versionOf(named.tag), version));
  const near =
    entries.slice(0, Math.max(0, at)).findLast(mayBeBefore) ?? entries.slice(at + 1).find(mayBeBefore);
  return near === undefined
    ? undefined
    : { digest: near.digest, tag: near.tags[0]?.tag ?? null, at: near.at };
}

function isAbove(one: Version | undefined, other: Version | undefined): boolean {
  return one !== undefined && other !== undefined && compareVersions(one, other) > 0;
}

/** A tag as a version: numbers, then the identifiers of a pre-release, if any. */
interface Version {
  readonly numbers: readonly bigint[];
  readonly pre: readonly string[];
}

/**
 * A tag as a version (semver.org, version 2.0.0), with or without a `v` before it, and with fewer or more than three
 * numbers. Tags know no `+`: what stands behind a `_`, which many write instead, does not count.
 */
export function versionOf(tag: string): Version | undefined {
  const [, numbers, pre] = /^v?(\d{1,20}(?:\.\d{1,20}){0,4})(?:-([0-9A-Za-z.-]+))?(?:_.*)?$/.exec(tag) ?? [];
  if (numbers === undefined) return undefined;
  return { numbers: numbers.split(".").map(BigInt), pre: pre?.split(".") ?? [] };
}

/** The order of semantic versioning, section 11. */
export function compareVersions(one: Version, other: Version): number {
  for (let at = 0; at < Math.max(one.numbers.length, other.numbers.length); at += 1) {
    const order = compare(one.numbers[at] ?? 0n, other.numbers[at] ?? 0n);
    if (order !== 0) return order;
  }
  if (one.pre.length === 0 || other.pre.length === 0) return compare(other.pre.length, one.pre.length);
  for (const [at, left] of one.pre.entries()) {
    const right = other.pre[at];
    if (right === undefined) return 1;
    const order = comparePre(left, right);
    if (order !== 0) return order;
  }
  return one.pre.length - other.pre.length;
}

/** Numbers come before words, and are compared as numbers. */
function comparePre(one: string, other: string): number {
  const [isNumber, isOther] = [one, other].map((text) => /^\d+$/.test(text));
  if (isNumber && isOther) return compare(BigInt(one), BigInt(other));
  if (isNumber !== isOther) return isNumber ? -1 : 1;
  return compare(one, other);
}

function compare<Value extends string | number | bigint>(one: Value, other: Value): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
