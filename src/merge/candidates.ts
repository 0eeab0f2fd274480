import pLimit from "p-limit";
import { messageOf } from "../errors/index.ts";
import { parseRepository, type RepositoryName, repositoryFault } from "../oci/index.ts";
import { type Listing, type Repository, refusesToList } from "../registry/index.ts";
import { MergeError } from "./errors.ts";
import type { Filter } from "./filters.ts";
import { unreadConsequence, unreadError } from "./unread.ts";

/** How a merge reaches registries. */
export interface StagingAccess {
  /** How to reach a repository: usually `openRegistries(…).repository`. */
  readonly open: (name: RepositoryName) => Repository;
  /**
   * All repositories at and below a prefix: usually `openRegistries(…).catalog`. Asked only for registries that list
   * no children; those that have no catalog either, or do not let us read it, fail, which is no failure of the merge.
   */
  readonly catalog?: (prefix: string) => AsyncIterable<string>;
}

/** An image that staging may hold. */
export interface Candidate {
  /** Below the staging registry. */
  readonly image: string;
  /** What its repository lists, where finding it has told that already. */
  readonly listing: Listing | undefined;
}

/** The images to look at, and what should be said about how they were found. */
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
  if (!filter.isOpen && !filter.hasGlobs) {
    return { candidates: [...filter.exact].map((image) => ({ image, listing: undefined })), warnings: [] };
  }
  const found = await discover(staging, filter, access);
  if (found.candidates !== undefined) {
    const missing = [...filter.exact].filter(
      (name) => !found.candidates?.some(({ image }) => image === name),
    );
    const named = missing.map((image) => ({ image, listing: undefined }));
    return { candidates: [...found.candidates, ...named], warnings: found.warnings };
  }
  const names = new Set([...known.filter((name) => filter.passes(name)), ...filter.exact]);
  if (names.size === 0) {
    throw new MergeError("images-unknown", "the staging registry does not tell which images it holds", {
      where: staging,
      hint: `name them with --image${found.warnings.length === 0 ? "" : ` (${found.warnings.join("; ")})`}`,
    });
  }
  const warning =
    "the staging registry does not tell which images it holds: looked at those that the manifest names already";
  return {
    candidates: [...names].map((image) => ({ image, listing: undefined })),
    warnings: [...found.warnings, warning],
  };
}

/** What the registry itself says; no candidates at all when it does not say anything. */
interface Discovery {
  readonly candidates: readonly Candidate[] | undefined;
  readonly warnings: readonly string[];
}

async function discover(staging: string, filter: Filter, access: StagingAccess): Promise<Discovery> {
  const { children, warnings } = await childrenOf(staging, access);
  if (children.length > 0) {
    return { candidates: await walk(staging, children, filter, access), warnings };
  }
  try {
    const images = await cataloged(staging, access);
    const passing = images?.filter((image) => filter.passes(image));
    return { candidates: passing?.map((image) => ({ image, listing: undefined })), warnings };
  } catch (error) {
    if (!refusesToList(error)) throw unread(staging, error);
    return {
      candidates: undefined,
      warnings: [...warnings, `its catalog could not be read: ${messageOf(error)}`],
    };
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
): Promise<{ children: readonly string[]; warnings: readonly string[] }> {
  if (repositoryFault(staging) !== undefined) return { children: [], warnings: [] };
  try {
    const listing = await access.open(parseRepository(staging)).list();
    return { children: listing?.children ?? [], warnings: [] };
  } catch (error) {
    if (!refusesToList(error)) throw unread(staging, error);
    return { children: [], warnings: [`its root could not be listed: ${messageOf(error)}`] };
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
      if (goesOn) next.push(...listing.children.map((child) => `${image}/${child}`));
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
  return unreadError("staging-unread", [{ name: where, error: cause }], where, unreadConsequence);
}
