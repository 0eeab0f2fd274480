import pLimit from "p-limit";
import { edgesOf } from "../edges/index.ts";
import { messageOf, WaybillError } from "../errors/index.ts";
import type { PromoterManifest } from "../manifest/index.ts";
import {
  type Digest,
  formatReference,
  isIndexType,
  parseRepository,
  type RepositoryName,
  readImageContent,
  repositoryFault,
  type Tag,
} from "../oci/index.ts";
import { type Listing, listedOnly, placeOf, type Repository, refusesToList } from "../registry/index.ts";

/** What a registry holds below a prefix: image name → digest → tags. Names, digests and tags are in byte order. */
export type RegistryContents = ReadonlyMap<string, ReadonlyMap<Digest, readonly Tag[]>>;

/** What to look at, and what of it to keep. */
export interface SnapshotOptions {
  /** Registry with an optional path, such as `gcr.io/k8s-staging-foo` or `localhost:5000`. */
  readonly prefix: string;
  readonly open: (name: RepositoryName) => Repository;
  /** All repositories at and below a prefix, where its registry has a catalog: usually `openRegistries(…).catalog`. */
  readonly catalog: (prefix: string) => AsyncIterable<RepositoryName>;
  /** Full names to look at, instead of asking the registry which there are. */
  readonly repositories?: readonly RepositoryName[];
  /** Keep only digests with this tag, with all their tags. */
  readonly tag?: string | undefined;
  /** Leave out digests without tags that an index of the same repository lists. */
  readonly minimal?: boolean;
}

/** What was seen, and what was not: a snapshot that silently leaves something out would be a lie. */
export interface Snapshot {
  readonly contents: RegistryContents;
  /**
   * Repositories, tags that are listed and not there, and indexes (`repository@digest`) whose children could not be told
   * from other images.
   */
  readonly unread: readonly { readonly repository: string; readonly message: string }[];
  /** Repositories whose registry does not list digests without tags, so that these cannot be seen. */
  readonly taggedOnly: number;
  /** How many names are listed that are no tags or repositories: nothing can be asked for by them. */
  readonly misnamed: number;
}

interface RepositoryContents {
  readonly digests: Map<Digest, readonly Tag[]>;
  readonly indexes: ReadonlySet<Digest>;
  readonly taggedOnly: boolean;
  readonly misnamed: number;
}

const repositoriesAtOnce = 32;

/**
 * Reads all repositories below a prefix. Which there are is known from `repositories`, from Google's listing
 * extension, or from the catalog, in this order.
 * @throws {WaybillError} `no-repositories` when none of them says, `no-repository` when there is none at a path.
 * @throws {RegistryError} when the registry cannot be asked which there are; one that cannot be read is in `unread`.
 */
export async function takeSnapshot(options: SnapshotOptions): Promise<Snapshot> {
  const prefix = options.prefix.replace(/\/+$/, "");
  const names = options.repositories ?? (await findRepositories(options));
  const contents = new Map<string, ReadonlyMap<Digest, readonly Tag[]>>();
  const unread: { repository: string; message: string }[] = [];
  let taggedOnly = 0;
  let misnamed = 0;
  let missing = 0;
  const miss: Miss = (repository, error) => {
    unread.push({ repository, message: messageOf(error) });
  };
  await pLimit(repositoriesAtOnce).map(names, async (name) => {
    try {
      const repository = options.open(name);
      const found = await readRepository(repository, miss);
      if (found === undefined) {
        missing += 1;
        return;
      }
      if (found.taggedOnly) taggedOnly += 1;
      misnamed += found.misnamed;
      if (options.minimal && !found.taggedOnly) await dropChildren(repository, found, miss);
      const kept = options.tag === undefined ? found.digests : withTag(found.digests, options.tag);
      if (kept.size > 0) contents.set(relativeName(prefix, name), sorted(kept));
    } catch (error) {
      miss(name, error);
    }
  });
  // What manifests name may be empty before the first promotion; a path that somebody has typed is to be there.
  if (options.repositories === undefined && prefix.includes("/") && missing === names.length) {
    throw new WaybillError("no-repository", "there is no repository at this path, nor below it", {
      where: prefix,
      hint: `look for a typing error; what there is shows: waybill registry snapshot ${prefix.slice(0, prefix.indexOf("/"))}`,
    });
  }
  return { contents: sorted(contents), unread, taggedOnly, misnamed };
}

/** Where repositories are looked for. */
export interface RepositorySearch extends Pick<SnapshotOptions, "prefix" | "open"> {
  readonly catalog: (prefix: string, onMisnamed?: () => void) => AsyncIterable<RepositoryName>;
  /** Is told of each name that the catalog has and that no repository may have. */
  readonly onMisnamed?: (() => void) | undefined;
}

/**
 * The repositories at and below a prefix, as Google's listing extension or the catalog of the registry has them.
 * @throws {WaybillError} `no-repositories` when neither says.
 * @throws {RegistryError} when the registry cannot be asked.
 */
export async function findRepositories({
  prefix: given,
  open,
  catalog,
  onMisnamed,
}: RepositorySearch): Promise<readonly RepositoryName[]> {
  const prefix = given.replace(/\/+$/, "");
  const listed = prefix.includes("/") ? await listedBelow(parseRepository(prefix), open) : undefined;
  if (listed !== undefined) return listed;
  const names: RepositoryName[] = [];
  try {
    for await (const name of catalog(prefix, onMisnamed)) names.push(name);
  } catch (cause) {
    if (!refusesToList(cause)) throw cause;
    const message = `the registry does not say which repositories it has: ${messageOf(cause)}`;
    const named =
      "name a repository to waybill ls; for a snapshot, a directory of promoter manifests with --manifests";
    const { hint } = cause;
    throw new WaybillError("no-repositories", message, {
      where: prefix,
      hint: hint === undefined ? named : `${hint}; or ${named}`,
      cause,
    });
  }
  return names;
}

type Open = SnapshotOptions["open"];

/** All repositories from one downwards, where the registry lists children; `undefined` where it does not. */
async function listedBelow(name: RepositoryName, open: Open): Promise<readonly RepositoryName[] | undefined> {
  const listing = await open(name)
    .list()
    .catch((error: unknown) => {
      if (refusesToList(error)) return undefined;
      throw error;
    });
  if (listing?.manifests === undefined && !listing?.children.length) return undefined;
  return walk(name, listing, open);
}

/** A child that cannot be listed now is taken along: reading it will say why. */
async function walk(
  name: RepositoryName,
  { children }: Listing,
  open: Open,
): Promise<readonly RepositoryName[]> {
  const names = children
    .map((child) => `${name}/${child}`)
    .filter((child) => repositoryFault(child) === undefined);
  const below = await Promise.all(
    names.map(parseRepository).map(async (child) => {
      const listing = await open(child)
        .list()
        .catch(() => undefined);
      return listing === undefined ? [child] : walk(child, listing, open);
    }),
  );
  return [name, ...below.flat()];
}

type Miss = (where: string, error: unknown) => void;

async function readRepository(repository: Repository, miss: Miss): Promise<RepositoryContents | undefined> {
  const listing = await repository.list();
  if (listing === undefined) return undefined;
  const digests = new Map<Digest, readonly Tag[]>();
  const indexes = new Set<Digest>();
  for (const [digest, { tags, mediaType }] of listing.manifests ?? []) {
    digests.set(digest, [...tags].sort());
    if (mediaType !== undefined && isIndexType(mediaType)) indexes.add(digest);
  }
  const told = new Set([...digests.values()].flat());
  const resolved = await Promise.all(
    listing.tags
      .filter((tag) => !told.has(tag))
      .map(async (tag) => ({ tag, descriptor: await repository.resolve(tag) })),
  );
  for (const { tag, descriptor } of resolved) {
    if (descriptor === undefined) {
      const where = formatReference(repository.name, tag);
      miss(where, listedOnly(where, placeOf(repository)));
      continue;
    }
    digests.set(descriptor.digest, [...(digests.get(descriptor.digest) ?? []), tag].sort());
    if (isIndexType(descriptor.mediaType)) indexes.add(descriptor.digest);
  }
  return {
    ...{ digests, indexes },
    taggedOnly: listing.manifests === undefined,
    misnamed: listing.misnamed ?? 0,
  };
}

/** Children of an index that cannot be read stay: too much is better than too little. */
async function dropChildren(
  repository: Repository,
  { digests, indexes }: RepositoryContents,
  miss: Miss,
): Promise<void> {
  const drop = async (index: Digest, where: string): Promise<void> => {
    const document = await repository.fetch(index);
    if (document === undefined) return;
    for (const child of readImageContent(document, where).children) {
      if (digests.get(child.digest)?.length === 0) digests.delete(child.digest);
    }
  };
  await Promise.all(
    [...indexes].map((index) => {
      const where = `${repository.name}@${index}`;
      return drop(index, where).catch((error: unknown) => miss(where, error));
    }),
  );
}

function withTag(digests: ReadonlyMap<Digest, readonly Tag[]>, tag: string): Map<Digest, readonly Tag[]> {
  return new Map([...digests].filter(([, tags]) => tags.some((name) => name === tag)));
}

/** Whether a name is the prefix or below it, by whole path components. */
function isBelow(prefix: string, name: string): boolean {
  return name === prefix || name.startsWith(`${prefix}/`);
}

/** The image name below the prefix; the last path component for the prefix itself. */
function relativeName(prefix: string, name: string): string {
  return name === prefix ? name.slice(name.lastIndexOf("/") + 1) : name.slice(prefix.length + 1);
}

function sorted<Key extends string, Value>(entries: ReadonlyMap<Key, Value>): Map<Key, Value> {
  return new Map([...entries].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/**
 * What a production registry would hold if everything the manifests ask for were there: the same form as a snapshot
 * of it, made without looking. Destinations count by whole path components.
 */
export function contentsOfManifests(
  manifests: readonly PromoterManifest[],
  registry: string,
): RegistryContents {
  const prefix = registry.replace(/\/+$/, "");
  const contents = new Map<string, ReadonlyMap<Digest, readonly Tag[]>>();
  for (const { destinations, images } of edgesOf(manifests).groups) {
    const digests = new Map(
      images.map(({ digest, tags }) => [digest, [...new Set(tags.map(({ tag }) => tag))].sort()]),
    );
    for (const name of destinations) {
      if (isBelow(prefix, name)) contents.set(relativeName(prefix, name), sorted(digests));
    }
  }
  return sorted(contents);
}

/** Repositories below a registry that the manifests name, as sources or destinations, in byte order. */
export function repositoriesOfManifests(
  manifests: readonly PromoterManifest[],
  registry: string,
): readonly RepositoryName[] {
  const prefix = registry.replace(/\/+$/, "");
  const { feeds, groups } = edgesOf(manifests);
  const names = [...feeds.map(({ source }) => source), ...groups.flatMap(({ destinations }) => destinations)];
  return [...new Set(names)].filter((name) => isBelow(prefix, name)).sort();
}
