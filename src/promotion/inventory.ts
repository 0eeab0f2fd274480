import type { Budget } from "../copy/index.ts";
import type { DesiredImage } from "../edges/index.ts";
import { type FailureRecord, failureRecord, WaybillError } from "../errors/index.ts";
import {
  type Digest,
  formatReference,
  type ImageDocument,
  isImageType,
  subjectOf,
  type Tag,
  type Target,
} from "../oci/index.ts";
import {
  type Listing,
  listedOnly,
  placeOf,
  type RegistryErrorCode,
  type Repository,
  type ResolveOptions,
} from "../registry/index.ts";

/** What a repository answered about one tag or digest. Unknown is not absent: a failed reading stays a failure. */
export type TargetReading =
  | {
      readonly digest: Digest | undefined;
      /** The media type of what is neither an image manifest nor an index. */
      readonly otherType?: string;
    }
  | { readonly failure: FailureRecord };

/** What a production repository holds of what is wanted there. */
export interface RepositoryState {
  readonly tags: ReadonlyMap<Tag, TargetReading>;
  readonly digests: ReadonlyMap<Digest, TargetReading>;
  /** The registry lists nothing in it, or does not know it. */
  readonly empty: boolean;
  /** The repository has to be created before anything is pushed: why, and what does it. */
  readonly missing?: FailureRecord | undefined;
  /** Manifests without a tag that are about another image: they are there, and it may be that no list says so. */
  readonly referrers?: readonly ImageDocument[];
}

const absent: TargetReading = { digest: undefined };

/** What is wrong with a manifest that is there. */
const oddities: ReadonlySet<string> = new Set([
  "media-type-mismatch",
  "digest-mismatch",
  "too-large",
  "invalid-image-manifest",
]);

/** Questions about one repository at the same time, of those of its host; the policy of the host bounds what really is in flight. */
const questionsAtOnce = 32;

/**
 * Reads as little as the wanted images need: one call where the registry lists manifests; otherwise one request for
 * each tag, and a listing once the first tag does not show itself, which answers for all others that are absent.
 * Digests are asked for only when no tag has answered for them. Never throws: failures are readings.
 *
 * A tag is absent when two answers agree: the listing, known to be whole, and the request for it or, of a tag that was
 * not asked for, the request that is made right before it is put; or else `HEAD` and `GET`. A tag that is listed is never
 * absent.
 * @param questions Of all repositories of the host, at the same time.
 * @param listFirst Ask for the listing although nobody knows whether the registry lists manifests.
 */
export async function readRepositoryState(
  open: () => Repository,
  images: readonly DesiredImage[],
  questions: Budget,
  listFirst = false,
): Promise<RepositoryState> {
  let state: StateReader;
  try {
    state = new StateReader(open(), questions);
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
  readonly tags = new Map<Tag, TargetReading>();
  readonly digests = new Map<Digest, TargetReading>();
  readonly referrers: ImageDocument[] = [];
  empty = false;
  readonly #repository: Repository;
  readonly #questions: Budget;
  /** The first two tags failed: the repository is taken for unreadable, and nothing more is asked of it. */
  #failure: FailureRecord | undefined;
  #complete = false;

  constructor(repository: Repository, questions: Budget) {
    this.#repository = repository;
    this.#questions = questions;
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
    const giveBack = await this.#questions.take(1);
    let reading = await this.#resolve(first, { mode: "glance" }).finally(giveBack);
    if (isAbsent(reading)) {
      if (await this.#readListing([first, ...others])) return;
      reading = await this.#resolve(first, { mode: "likely-absent" });
    }
    this.#take(first, reading);
    if (!("failure" in reading)) return this.#resolveTags(others);
    // One manifest may be broken by itself, and must not hide the others.
    if (!failed) return this.#readOneByOne(others, true);
    this.#failure = reading.failure;
    for (const tag of others) this.tags.set(tag, reading);
  }

  /** Digests that are promoted without a tag, or whose tag is still to be put, unless they are known by now. */
  async readDigests(images: readonly DesiredImage[]): Promise<void> {
    const unknown = images.filter(({ digest, tags }) => {
      if (this.digests.has(digest)) return false;
      return tags.length === 0 || tags.some(({ tag }) => isAbsent(this.tags.get(tag)));
    });
    await this.#inTurn(unknown, async ({ digest, tags }) => {
      this.digests.set(digest, await this.#readDigest(digest, tags.length > 0));
    });
  }

  async #readDigest(digest: Digest, tagged: boolean): Promise<TargetReading> {
    if (this.#failure !== undefined) return { failure: this.#failure };
    // A repository that lists no tags may still hold digests without one, and some registries do not list it at all.
    if (this.#complete || (this.empty && tagged)) return absent;
    if (!tagged) return this.#readUntagged(digest);
    const reading = await this.#resolve(digest, { mode: "likely-absent" });
    // Its tag is known to be absent: that the image is copied although it may be there harms nothing.
    return "failure" in reading && silences.has(reading.failure.code) ? absent : reading;
  }

  /** A digest that no tag vouches for is read as a whole, at the same price: it may be a referrer that was left half done. */
  async #readUntagged(digest: Digest): Promise<TargetReading> {
    try {
      const document = await this.#repository.fetch(digest);
      if (document !== undefined && subjectOf(document) !== undefined) this.referrers.push(document);
      return { digest: document?.descriptor.digest };
    } catch (error) {
      // What cannot be read as a manifest may be there all the same.
      return error instanceof WaybillError && oddities.has(error.code)
        ? this.#resolve(digest)
        : { failure: failureRecord(error) };
    }
  }

  /** Whether the listing answers for all the tags: some registries let a client pull that may not list. */
  async #readListing(wanted: readonly Tag[]): Promise<boolean> {
    let listing: Listing | undefined;
    try {
      listing = await this.#repository.list();
    } catch {
      return false;
    }
    if (listing === undefined && !(await this.#isMissing(wanted))) return false;
    this.empty = listing === undefined || (listing.tags.length === 0 && !listing.manifests?.size);
    if (listing?.manifests !== undefined) this.#takeManifests(listing.manifests);
    const listed = new Set(listing?.tags);
    const unknown = wanted.filter((tag) => !this.tags.has(tag));
    for (const tag of unknown) if (!listed.has(tag)) this.tags.set(tag, absent);
    await this.#resolveTags(
      unknown.filter((tag) => listed.has(tag)),
      true,
    );
    return true;
  }

  /** Whether a repository that has no listing is missing: some registries have none for those that are there, either. */
  async #isMissing([first]: readonly Tag[]): Promise<boolean> {
    return first === undefined || isAbsent(await this.#resolve(first, { mode: "likely-absent" }));
  }

  #takeManifests(manifests: NonNullable<Listing["manifests"]>): void {
    this.#complete = true;
    for (const [digest, { tags }] of manifests) {
      const reading = { digest };
      this.digests.set(digest, reading);
      for (const tag of tags) this.tags.set(tag, reading);
    }
  }

  async #resolveTags(wanted: readonly Tag[], isListed = false): Promise<void> {
    await this.#inTurn(wanted, async (tag) => {
      const reading = await this.#resolve(tag);
      const isBroken = isListed && isAbsent(reading);
      const where = formatReference(this.#repository.name, tag);
      this.#take(
        tag,
        isBroken ? { failure: failureRecord(listedOnly(where, placeOf(this.#repository))) } : reading,
      );
    });
  }

  #take(tag: Tag, reading: TargetReading): void {
    this.tags.set(tag, reading);
    if ("digest" in reading && reading.digest !== undefined) this.digests.set(reading.digest, reading);
  }

  async #resolve(target: Target, options?: ResolveOptions): Promise<TargetReading> {
    try {
      const found = await this.#repository.resolve(target, options);
      const { digest, mediaType = "" } = found ?? {};
      const isImage = found === undefined || isImageType(mediaType);
      return isImage ? { digest } : { digest, otherType: shownType(mediaType) };
    } catch (error) {
      return { failure: failureRecord(error) };
    }
  }

  /** Asks for each item, some at a time: what waits costs nothing, be there thousands of tags. */
  async #inTurn<Item>(items: readonly Item[], ask: (item: Item) => Promise<void>): Promise<void> {
    // Nobody has to wait for nothing: what has been read would be kept meanwhile.
    if (items.length === 0) return;
    const atOnce = Math.min(questionsAtOnce, items.length);
    const giveBack = await this.#questions.take(atOnce);
    const rest = items.values();
    const worker = async (): Promise<void> => {
      try {
        for (const item of rest) await ask(item);
      } finally {
        giveBack(1);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  }
}

/** A media type of the outside, fit for a message. */
function shownType(mediaType: string): string {
  return mediaType.replaceAll(/[^\w.+/-]/g, "?").slice(0, 100);
}

/** Why a registry that has answered has not said whether it holds a digest. */
const silences: ReadonlySet<string> = new Set<RegistryErrorCode>([
  "unauthorized",
  "denied",
  "absence-unproven",
]);

/** Whether it is known that nothing is there. */
export function isAbsent(reading: TargetReading | undefined): boolean {
  return reading !== undefined && "digest" in reading && reading.digest === undefined;
}
