import pLimit from "p-limit";
import { versionReader } from "../edges/index.ts";
import { describeImage } from "../inspect/index.ts";
import { type Digest, formatReference, type Tag } from "../oci/index.ts";
import type { Listing, Repository } from "../registry/index.ts";
import { MergeError } from "./errors.ts";
import type { Filters } from "./filters.ts";
import type { ChosenImage } from "./staging.ts";

/** Images of one repository of which it is read when they were built, at the same time. */
const imagesAtOnce = 8;

/**
 * Tools that build the same bytes each time write a time of the first years in which there is one. Clocks that are ahead by
 * more than a day are not believed either: what they date would be the newest for ever.
 */
function isBelievable(time: number): boolean {
  const day = 24 * 60 * 60 * 1000;
  return time >= Date.UTC(1980, 0, 3) && time <= Date.now() + day;
}

/** Of tags, those that are the newest versions, when each of them is a version; all of them otherwise. */
export async function newestVersions(
  tags: readonly Tag[],
  { newest, maxAge }: Pick<Filters, "newest" | "maxAge">,
): Promise<readonly Tag[]> {
  if (newest === undefined || maxAge !== undefined) return tags;
  return (await newestOf(tags, newest)) ?? tags;
}

/**
 * Of what was chosen of a repository, that which is not older than it may be, and of that so many of the newest: by versions where
 * each tag of it is one, otherwise by time. That is when images were pushed, where the listing tells it of all of them, and
 * otherwise when they were built, as their configs say, for which each takes two requests or more.
 * @throws {MergeError} `age-unknown` when nobody says how old something is.
 */
export async function limitByAge(
  repository: Repository,
  chosen: readonly ChosenImage[],
  listing: Listing | undefined,
  { newest, maxAge }: Pick<Filters, "newest" | "maxAge">,
): Promise<readonly ChosenImage[]> {
  let left = chosen;
  const times = new Map<Digest, number>();
  const readTimes = async (): Promise<void> => {
    if (times.size > 0) return;
    const pushed = chosen.map(
      ({ digest }) => listing?.manifests?.get(digest)?.uploadedAt?.getTime() ?? Number.NaN,
    );
    const isKnown = pushed.every(isBelievable);
    const found = isKnown ? pushed : await builtAt(repository, chosen);
    for (const [at, { digest }] of chosen.entries()) times.set(digest, found[at] ?? Number.NaN);
  };
  const timeOf = ({ digest }: ChosenImage): number => times.get(digest) ?? Number.NaN;
  if (maxAge !== undefined) {
    await readTimes();
    const oldest = Date.now() - maxAge;
    left = left.filter((image) => timeOf(image) >= oldest);
  }
  if (newest === undefined) return left;
  const versions = await newestOf(
    left.flatMap(({ tags }) => tags),
    newest,
  );
  if (versions !== undefined && left.every(({ tags }) => tags.length > 0)) {
    const kept = new Set<Tag>(versions);
    return left
      .map((image) => ({ ...image, tags: image.tags.filter((tag) => kept.has(tag)) }))
      .filter(({ tags }) => tags.length > 0);
  }
  if (left.length <= newest) return left;
  await readTimes();
  return left.toSorted((one, other) => timeOf(other) - timeOf(one)).slice(0, newest);
}

/**
 * The tags with so many of the highest versions; `undefined` when not all are versions. Builds of a version are one. Pre-releases
 * count where there is nothing else: nobody takes a candidate for being newer than the last release.
 */
async function newestOf(tags: readonly Tag[], count: number): Promise<readonly Tag[] | undefined> {
  const versionOf = await versionReader();
  const versions = tags.map((tag) => ({ tag, version: versionOf(tag) }));
  const known = versions.flatMap(({ tag, version }) => (version === undefined ? [] : [{ tag, version }]));
  if (known.length < versions.length) return undefined;
  const releases = known.filter(({ version }) => version.prerelease.length === 0);
  const ranked = releases.length === 0 ? known : releases;
  ranked.sort((one, other) => other.version.compare(one.version.version));
  const ranks = [...new Set(ranked.map(({ version }) => version.version))].slice(0, count);
  return ranked.filter(({ version }) => ranks.includes(version.version)).map(({ tag }) => tag);
}

async function builtAt(repository: Repository, chosen: readonly ChosenImage[]): Promise<readonly number[]> {
  return pLimit(imagesAtOnce).map(chosen, async ({ digest }) => {
    const created = Date.parse((await describeImage(repository, digest))?.created ?? "");
    if (isBelievable(created)) return created;
    throw new MergeError("age-unknown", "nobody says when the image was built or pushed", {
      where: formatReference(repository.name, digest),
      hint: "choose with --tag, or leave --max-age out: --newest goes by versions where all tags are versions",
    });
  });
}
