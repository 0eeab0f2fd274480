import pLimit from "p-limit";
import type { PromoterManifest } from "../manifest/index.ts";
import { type Digest, formatReference, parseRepository, type Tag } from "../oci/index.ts";
import { listedOnly, placeOf, type Repository } from "../registry/index.ts";
import { repositoriesAtOnce, type StagingAccess } from "./candidates.ts";
import type { TagConflict } from "./errors.ts";
import { type Unread, unreadError } from "./unread.ts";

export interface TaggedImage {
  readonly image: string;
  readonly digest: Digest;
  readonly tag: Tag;
}

/** Tags of one repository from which one listing is cheaper than asking for each, where it tells digests too. */
const worthListing = 2;

/**
 * Looks each tag up in all production repositories that it would be promoted to. One request for each, or one
 * listing where a repository is known to tell digests.
 * @returns the tags that stand there at other digests.
 * @throws {MergeError} `production-unread`, naming every repository that could not be read: what is unknown there
 * could be a tag that must not move.
 */
export async function findTakenTags(
  manifest: PromoterManifest,
  added: readonly TaggedImage[],
  access: StagingAccess,
): Promise<TagConflict[]> {
  const byImage = new Map<string, TaggedImage[]>();
  for (const each of added) byImage.set(each.image, [...(byImage.get(each.image) ?? []), each]);
  const repositories = manifest.destinations.flatMap(({ name }) =>
    [...byImage].map(([image, tags]) => ({ name: `${name}/${image}`, tags })),
  );
  const unread: Unread[] = [];
  const refusals = await pLimit(repositoriesAtOnce).map(repositories, async ({ name, tags }) => {
    try {
      return await takenIn(access.open(parseRepository(name)), tags);
    } catch (error) {
      unread.push({ name, error });
      return [];
    }
  });
  if (unread.length === 0) return refusals.flat();
  throw unreadError(
    "production-unread",
    unread,
    manifest.file,
    "nothing was merged, because these may hold the tags already; mend the access, or skip looking at production",
  );
}

async function takenIn(repository: Repository, added: readonly TaggedImage[]): Promise<TagConflict[]> {
  const held = await readTags(repository, added);
  return added.flatMap(({ image, tag, digest }) => {
    const standing = held.get(tag);
    if (standing === undefined || standing === digest) return [];
    return [{ image, tag, asked: digest, standing, where: formatReference(repository.name, tag) }];
  });
}

async function readTags(repository: Repository, added: readonly TaggedImage[]): Promise<Map<Tag, Digest>> {
  const held = new Map<Tag, Digest>();
  const isListable = repository.listsManifests && added.length >= worthListing;
  const listing = isListable ? await repository.list() : undefined;
  for (const [digest, { tags }] of listing?.manifests ?? []) for (const tag of tags) held.set(tag, digest);
  const listed = new Set(listing?.tags);
  const isAnswered = ({ tag }: TaggedImage): boolean =>
    held.has(tag) || (listing?.manifests !== undefined && !listed.has(tag));
  const ask = async ({ tag }: TaggedImage): Promise<void> => {
    const found = await repository.resolve(tag, { mode: "likely-absent" });
    if (found !== undefined) held.set(tag, found.digest);
    else if (listed.has(tag)) throw listedOnly(formatReference(repository.name, tag), placeOf(repository));
  };
  const [first, ...others] = added.filter((each) => !isAnswered(each));
  if (first !== undefined) await ask(first);
  // A repository that is not listed and lacks the first tag is not there.
  const isMissing = isListable && listing === undefined && held.size === 0;
  if (!isMissing) await Promise.all(others.map(ask));
  return held;
}
