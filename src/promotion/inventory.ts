import { type FailureRecord, failureRecord } from "../errors/index.ts";
import type { Digest, Tag, Target } from "../oci/index.ts";
import type { Listing, Repository } from "../registry/index.ts";
import type { DesiredImage } from "./desired.ts";

/** What a repository answered about one tag or digest. Unknown is not absent: a failed reading stays a failure. */
export type Reading = { readonly digest: Digest | undefined } | { readonly failure: FailureRecord };

/** What a production repository holds of what is wanted there. */
export interface RepositoryState {
  readonly tags: ReadonlyMap<Tag, Reading>;
  readonly digests: ReadonlyMap<Digest, Reading>;
  /** The registry lists nothing in it, or does not know it. */
  readonly empty: boolean;
  /** The repository has to be created before anything is pushed: why, and what does it. */
  readonly missing?: FailureRecord | undefined;
}

const absent: Reading = { digest: undefined };

/** Requests of one repository that wait at the same time; the policy of its host bounds what really is in flight. */
const requestsAtOnce = 32;

/**
 * Reads as little as the wanted images need: one call where the registry lists manifests; otherwise one request for
 * each tag, and a listing once the first tag turns out to be absent, which answers for all others that are absent.
 * Digests are asked for only when no tag has answered for them. Never throws: failures are readings.
 * @param listFirst Ask for the listing although nobody knows whether the registry lists manifests.
 */
export async function readRepositoryState(
  open: () => Repository,
  images: readonly DesiredImage[],
  listFirst = false,
): Promise<RepositoryState> {
  let state: StateReader;
  try {
    state = new StateReader(open());
  } catch (error) {
    return unreadable(images, failureRecord(error));
  }
  if (images.length === 0) return state;
  const wanted = new Set(images.flatMap(({ tags }) => tags.map(({ tag }) => tag)));
  await state.readTags([...wanted], listFirst);
  await state.readDigests(images);
  return state;
}

/** Nothing is known of a repository: it cannot even be opened, or nobody has looked. */
export function unreadable(images: readonly DesiredImage[], failure: FailureRecord): RepositoryState {
  return {
    tags: new Map(images.flatMap(({ tags }) => tags.map(({ tag }) => [tag, { failure }]))),
    digests: new Map(images.map(({ digest }) => [digest, { failure }])),
    empty: false,
  };
}

class StateReader implements RepositoryState {
  readonly tags = new Map<Tag, Reading>();
  readonly digests = new Map<Digest, Reading>();
  empty = false;
  readonly #repository: Repository;
  /** The first two tags failed: the repository is taken for unreadable, and nothing more is asked of it. */
  #failure: FailureRecord | undefined;
  #complete = false;

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  get missing(): FailureRecord | undefined {
    const { missing } = this.#repository;
    return missing === undefined ? undefined : failureRecord(missing);
  }

  async readTags(wanted: readonly Tag[], listFirst: boolean): Promise<void> {
    if ((listFirst || this.#repository.listsManifests) && (await this.#readListing(wanted))) return;
    await this.#readOneByOne(wanted);
  }

  async #readOneByOne([first, ...others]: readonly Tag[], failed = false): Promise<void> {
    if (first === undefined) return;
    const reading = await this.#resolve(first);
    this.tags.set(first, reading);
    if ("failure" in reading) {
      // One manifest may be broken by itself, and must not hide the others.
      if (!failed) return this.#readOneByOne(others, true);
      this.#failure = reading.failure;
      for (const tag of others) this.tags.set(tag, reading);
    } else if (reading.digest === undefined) {
      if (!(await this.#readListing(others))) await this.#resolveTags(others);
    } else {
      this.digests.set(reading.digest, reading);
      await this.#resolveTags(others);
    }
  }

  /** Digests that are promoted without a tag, or whose tag is still to be put, unless they are known by now. */
  async readDigests(images: readonly DesiredImage[]): Promise<void> {
    const unknown = images.filter(({ digest, tags }) => {
      if (this.digests.has(digest)) return false;
      return tags.length === 0 || tags.some(({ tag }) => this.#isAbsent(tag));
    });
    await inTurn(unknown, async ({ digest, tags }) => {
      this.digests.set(digest, await this.#readDigest(digest, tags.length > 0));
    });
  }

  async #readDigest(digest: Digest, tagged: boolean): Promise<Reading> {
    if (this.#failure !== undefined) return { failure: this.#failure };
    // A repository that lists no tags may still hold digests without one, and some registries do not list it at all.
    if (this.#complete || (this.empty && tagged)) return absent;
    return this.#resolve(digest);
  }

  /** Whether the listing could be read: some registries let a client pull that may not list. */
  async #readListing(wanted: readonly Tag[]): Promise<boolean> {
    let listing: Listing | undefined;
    try {
      listing = await this.#repository.list();
    } catch {
      return false;
    }
    this.empty = listing === undefined || (listing.tags.length === 0 && !listing.manifests?.size);
    if (listing?.manifests !== undefined) {
      this.#takeManifests(listing.manifests);
      // A tag may be listed without its manifest: that is not to be taken for a tag that is free.
      const listed = new Set(listing.tags);
      for (const tag of wanted) if (!this.tags.has(tag)) this.tags.set(tag, absent);
      await this.#resolveTags(wanted.filter((tag) => listed.has(tag) && this.#isAbsent(tag)));
      return true;
    }
    const listed = new Set(listing?.tags ?? []);
    for (const tag of wanted) if (!listed.has(tag)) this.tags.set(tag, absent);
    await this.#resolveTags(wanted.filter((tag) => listed.has(tag)));
    return true;
  }

  #takeManifests(manifests: NonNullable<Listing["manifests"]>): void {
    this.#complete = true;
    for (const [digest, { tags }] of manifests) {
      const reading = { digest };
      this.digests.set(digest, reading);
      for (const tag of tags) this.tags.set(tag, reading);
    }
  }

  async #resolveTags(wanted: readonly Tag[]): Promise<void> {
    await inTurn(wanted, async (tag) => {
      const reading = await this.#resolve(tag);
      this.tags.set(tag, reading);
      if ("digest" in reading && reading.digest !== undefined) this.digests.set(reading.digest, reading);
    });
  }

  async #resolve(target: Target): Promise<Reading> {
    try {
      return { digest: (await this.#repository.resolve(target))?.digest };
    } catch (error) {
      return { failure: failureRecord(error) };
    }
  }

  #isAbsent(tag: Tag): boolean {
    const reading = this.tags.get(tag);
    return reading !== undefined && "digest" in reading && reading.digest === undefined;
  }
}

/** Does the work for each item, some at a time: what waits costs nothing, be there thousands of tags. */
async function inTurn<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(requestsAtOnce, items.length) }, worker));
}
