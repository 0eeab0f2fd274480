import pLimit from "p-limit";
import { messageOf } from "../errors/index.ts";
import { parseRepository, type RepositoryName, repositoryFault } from "../oci/index.ts";
import { type Listing, type Repository, refusesToList } from "../registry/index.ts";
import type { ImageTrust } from "../trust/index.ts";
import { MergeError } from "./errors.ts";
import type { Filter } from "./filters.ts";
import { stagingUnread } from "./unread.ts";

/** How a merge reaches registries. */
export interface StagingAccess {
  /** How to reach a repository: usually `openRegistries(…).repository`. */
  readonly open: (name: RepositoryName) => Repository;
  /**
   * All repositories at and below a prefix: usually `openRegistries(…).catalog`. Asked only for registries that list
   * no children; those that have no catalog either, or do not let us read it, fail, which is no failure of the merge.
   */
  readonly catalog?: (prefix: string) => AsyncIterable<string>;
  /** What tells whether provenance was signed by somebody to believe. Without it, it is read, and no more. */
  readonly trust?: ImageTrust | undefined;
}

/** An image that staging may hold. */
export interface Candidate {
  /** Below the staging registry. */
  readonly image: string;
  /** What its repository lists, where finding it has told that already. */
  readonly listing: Listing | undefined;
}

export interface Candidates {
  readonly candidates: readonly Candidate[];
  readonly warnings: readonly string[];
}

/** Repositories that are read at the same time; the policy of each host bounds what really is in flight. */
export const repositoriesAtOnce = 32;

/**
 * The images of a staging registry that pass a filter. Exact names are taken as they are. Otherwise the registry is
 * asked: by its listing of children (Google's extension, and folders), then by its catalog; where it offers neither,
 * the images that the manifest names already are what can be looked at.
 * @throws {MergeError} `staging-unread` when listing fails half-way, `images-unknown` when nothing names any image.
 */
export async function findCandidates(
  staging: string,
  known: readonly string[],
  filter: Filter,
  access: StagingAccess,
): Promise<Candidates> {
  const warnings: string[] = [];
  if (!filter.isOpen && !filter.hasGlobs) return { candidates: named(filter.exact), warnings };
  const found = await discover(staging, filter, access, warnings);
  if (found !== undefined) {
    const missing = [...filter.exact].filter((name) => !found.some(({ image }) => image === name));
    return { candidates: [...found, ...named(missing)], warnings };
  }
  const names = new Set([...known.filter((name) => filter.passes(name)), ...filter.exact]);
  if (names.size === 0) {
    throw new MergeError("images-unknown", "the staging registry does not tell which images it holds", {
      where: staging,
      hint: `name them with --image${warnings.length === 0 ? "" : ` (${warnings.join("; ")})`}`,
    });
  }
  warnings.push(
    "the staging registry does not tell which images it holds: looked at those that the manifest names already",
  );
  return { candidates: named(names), warnings };
}

function named(images: Iterable<string>): Candidate[] {
  return Array.from(images, (image) => ({ image, listing: undefined }));
}

/** What the registry itself says; `undefined` when it does not say anything. */
async function discover(
  staging: string,
  filter: Filter,
  access: StagingAccess,
  warnings: string[],
): Promise<readonly Candidate[] | undefined> {
  const children = await childrenOf(staging, access, warnings);
  if (children.length > 0) return walk(staging, children, filter, access);
  try {
    const images = await cataloged(staging, access);
    return images && named(images.filter((image) => filter.passes(image)));
  } catch (error) {
    if (!refusesToList(error)) throw unread(staging, error);
    warnings.push(`its catalog could not be read: ${messageOf(error)}`);
    return undefined;
  }
}

/** The images below the staging registry by the catalog of its host. */
async function cataloged(staging: string, { catalog }: StagingAccess): Promise<string[] | undefined> {
  if (catalog === undefined) return undefined;
  const images: string[] = [];
  for await (const name of catalog(staging)) {
    if (name !== staging) images.push(name.slice(staging.length + 1));
  }
  return images;
}

async function childrenOf(
  staging: string,
  access: StagingAccess,
  warnings: string[],
): Promise<readonly string[]> {
  if (repositoryFault(staging) !== undefined) return [];
  try {
    return (await access.open(parseRepository(staging)).list())?.children ?? [];
  } catch (error) {
    if (!refusesToList(error)) throw unread(staging, error);
    warnings.push(`its root could not be listed: ${messageOf(error)}`);
    return [];
  }
}

/** The images below the staging registry, by its listings of children, level by level. */
async function walk(
  staging: string,
  children: readonly string[],
  filter: Filter,
  access: StagingAccess,
): Promise<Candidate[]> {
  const limit = pLimit(repositoriesAtOnce);
  const candidates: Candidate[] = [];
  let level = children;
  for (let depth = 1; level.length > 0; depth += 1) {
    const goesOn = depth < filter.depth;
    const wanted = level.filter((image) => goesOn || filter.passes(image));
    const listings = await limit.map(wanted, (image) => listImage(staging, image, access));
    const next: string[] = [];
    for (const [at, image] of wanted.entries()) {
      const listing = listings[at];
      if (listing === undefined) continue;
      if (filter.passes(image)) candidates.push({ image, listing });
      if (goesOn) for (const child of listing.children) next.push(`${image}/${child}`);
    }
    level = next;
  }
  return candidates;
}

async function listImage(
  staging: string,
  image: string,
  access: StagingAccess,
): Promise<Listing | undefined> {
  const repository = access.open(parseRepository(`${staging}/${image}`));
  try {
    return await repository.list();
  } catch (error) {
    throw unread(repository.name, error);
  }
}

function unread(where: string, cause: unknown): MergeError {
  return stagingUnread([{ name: where, error: cause }], where);
}
