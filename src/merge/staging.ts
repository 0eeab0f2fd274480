import pLimit from "p-limit";
import {
  type Descriptor,
  type Digest,
  isImageType,
  parseDigest,
  parseRepository,
  parseTag,
  type Tag,
} from "../oci/index.ts";
import type { Listing, Repository } from "../registry/index.ts";
import { limitByAge, newestVersions } from "./age.ts";
import { type Candidate, repositoriesAtOnce, type StagingAccess } from "./candidates.ts";
import { MergeError } from "./errors.ts";
import type { Filter, Filters } from "./filters.ts";
import { stagingUnread, type Unread } from "./unread.ts";

/** A digest that the filters chose from a staging registry, with the tags it is to be listed with. */
export interface ChosenImage {
  readonly image: string;
  readonly digest: Digest;
  /** Empty for a digest that was named by itself and has no tag (but `latest`). */
  readonly tags: readonly Tag[];
  /** What the registry answered when it was asked for it; `undefined` when it only listed it. */
  readonly found: Descriptor | undefined;
}

export interface StagingReading {
  readonly chosen: readonly ChosenImage[];
  /** Whether anything passes the filters, be it too old. */
  readonly passes: boolean;
  readonly warnings: readonly string[];
}

/** Tags of one repository that are resolved at the same time. */
const tagsAtOnce = 32;

/**
 * Reads the candidates from staging and keeps what the filters choose:
 * - With tags named, a digest keeps those of its tags that were named, and one without any is left out.
 * - With digests named, they keep all their tags; one without tags is taken only if it was named exactly.
 * - Of each image, no more than the newest, and nothing that is too old, where that is asked for.
 * - `latest`, and the tags under which signatures and other referrers are kept (`sha256-….sig`), are taken only if they
 *   are named exactly.
 *
 * Exact tags cost one request each; otherwise a repository is listed, and the tags that pass are resolved where the
 * listing does not say what they stand for.
 * @throws {MergeError} `staging-unread`, naming every image that could not be read; `age-unknown`.
 */
export async function readStaging(
  staging: string,
  candidates: readonly Candidate[],
  filters: Filters,
  access: StagingAccess,
): Promise<StagingReading> {
  const limit = pLimit(repositoriesAtOnce);
  const failures: Unread[] = [];
  const refusals: MergeError[] = [];
  const readings = await limit.map(candidates, async (candidate) => {
    try {
      return await readImage(staging, candidate, filters, access);
    } catch (error) {
      if (error instanceof MergeError) refusals.push(error);
      else failures.push({ name: `${staging}/${candidate.image}`, error });
      return undefined;
    }
  });
  if (failures.length > 0) throw stagingUnread(failures, staging);
  const [refusal] = refusals;
  if (refusal !== undefined) throw refusal;
  const read = readings.filter((reading) => reading !== undefined);
  return {
    chosen: read.flatMap((reading) => reading.chosen),
    passes: read.some((reading) => reading.passes),
    warnings: read.flatMap((reading) => reading.warnings),
  };
}

/** What a repository was found to hold, as far as the filters ask for it. */
type Contents = Map<Digest, { tags: Tag[]; found: Descriptor | undefined }>;

async function readImage(
  staging: string,
  { image, listing }: Candidate,
  filters: Filters,
  access: StagingAccess,
): Promise<StagingReading> {
  const repository = access.open(parseRepository(`${staging}/${image}`));
  const { contents, warnings, ...read } = await readContents(repository, listing, filters);
  const chosen = choose(image, contents, filters);
  const left = await limitByAge(repository, chosen, read.listing, filters);
  return { chosen: left, passes: chosen.length > 0, warnings };
}

async function readContents(
  repository: Repository,
  known: Listing | undefined,
  filters: Filters,
): Promise<{ contents: Contents; warnings: string[]; listing?: Listing | undefined }> {
  const { tags, digests } = filters;
  const contents: Contents = new Map();
  if (known?.manifests === undefined && !tags.isOpen && !tags.hasGlobs) {
    for (const { tag, found } of await resolveTags(repository, [...tags.exact].map(parseTag))) {
      if (found !== undefined) note(contents, found, tag);
    }
    return { contents, warnings: [] };
  }
  if (known?.manifests === undefined && tags.isOpen && !digests.isOpen) {
    await noteNamedDigests(repository, contents, digests);
    if (contents.size === 0 && !digests.hasGlobs) return { contents, warnings: [] };
  }
  const listing = known ?? (await repository.list());
  const takes = tagTaker(tags);
  if (listing?.manifests !== undefined) {
    for (const [digest, listed] of listing.manifests) {
      contents.set(digest, { tags: listed.tags.filter(takes), found: contents.get(digest)?.found });
    }
    return { contents, warnings: [], listing };
  }
  const warnings: string[] = [];
  const taken = (listing?.tags ?? []).filter(takes);
  // Digests have to be known before those that do not pass can be left out.
  const asked = digests.isOpen ? await newestVersions(taken, filters) : taken;
  for (const { tag, found } of await resolveTags(repository, asked)) {
    if (found !== undefined) note(contents, found, tag);
    else warnings.push(`${repository.name} lists the tag ${tag}, which stands for nothing`);
  }
  return { contents, warnings };
}

/** Whether a tag is taken: one that was named exactly, or one that passes and that people give to images. */
export function tagTaker(tags: Filter): (tag: Tag) => boolean {
  return (tag) => tags.exact.has(tag) || (tags.passes(tag) && isOrdinary(tag));
}

/** Whether a tag is one that people give to images: neither `latest` nor that of a signature or another referrer. */
function isOrdinary(tag: Tag): boolean {
  return tag !== "latest" && !/^sha(?:256|512)-[0-9a-f]{64}(?:\.|$)/.test(tag);
}

async function resolveTags(
  repository: Repository,
  tags: readonly Tag[],
): Promise<{ tag: Tag; found: Descriptor | undefined }[]> {
  return pLimit(tagsAtOnce).map(tags, async (tag) => ({ tag, found: await repository.resolve(tag) }));
}

function note(contents: Contents, found: Descriptor, tag?: Tag): void {
  const entry = contents.get(found.digest) ?? { tags: [], found };
  if (tag !== undefined) entry.tags.push(tag);
  contents.set(found.digest, entry);
}

/** Digests that were named exactly may be there without any tag: the registry is asked for each. */
async function noteNamedDigests(repository: Repository, contents: Contents, digests: Filter): Promise<void> {
  const named = [...digests.exact].map(parseDigest);
  for (const found of await pLimit(tagsAtOnce).map(named, (digest) => repository.resolve(digest))) {
    if (found !== undefined) note(contents, found);
  }
}

function choose(image: string, contents: Contents, filters: Filters): ChosenImage[] {
  return [...contents].flatMap(([digest, { tags, found }]) => {
    if (!filters.digests.passes(digest)) return [];
    const tagless = filters.tags.isOpen && filters.digests.exact.has(digest);
    return tags.length > 0 || tagless ? [{ image, digest, tags, found }] : [];
  });
}

/**
 * Makes sure that digests are there and are images.
 * @throws {MergeError} `no-image` for what is absent or is neither an image manifest nor an index, `staging-unread`.
 */
export async function checkImages(
  staging: string,
  chosen: readonly ChosenImage[],
  access: StagingAccess,
): Promise<void> {
  const failures: Unread[] = [];
  const faults = await pLimit(repositoriesAtOnce).map(chosen, async ({ image, digest, found }) => {
    try {
      const repository = access.open(parseRepository(`${staging}/${image}`));
      return faultOf(repository, digest, found ?? (await repository.resolve(digest)));
    } catch (error) {
      failures.push({ name: `${staging}/${image}@${digest}`, error });
      return undefined;
    }
  });
  if (failures.length > 0) throw stagingUnread(failures, staging);
  const sentences = faults.filter((fault) => fault !== undefined);
  if (sentences.length === 0) return;
  throw new MergeError("no-image", sentences.join("\n"), {
    where: staging,
    hint: "push it again with a current tool, or leave it out with --image or --tag",
  });
}

function faultOf(repository: Repository, digest: Digest, found: Descriptor | undefined): string | undefined {
  const reference = `${repository.name}@${digest}`;
  if (found === undefined) return `${reference} is listed but is not there`;
  if (isImageType(found.mediaType)) return undefined;
  const mediaType = JSON.stringify(found.mediaType.slice(0, 100));
  return `${reference} is neither an image manifest nor an index, but ${mediaType}`;
}
