import pLimit from "p-limit";
import { type FailureRecord, failureRecord, WaybillError } from "../errors/index.ts";
import { type Digest, formatReference, type Tag } from "../oci/index.ts";
import { listedOnly, placeOf, type Repository } from "../registry/index.ts";

/** A tag of a repository and, where that was asked for, what it stands for. */
export interface ListedTag {
  readonly tag: Tag;
  readonly digest?: Digest | undefined;
  readonly mediaType?: string | undefined;
}

/** The tags of a repository, in the order of the numbers in them. */
export interface TagList {
  readonly tags: readonly ListedTag[];
  /** Tags that are listed and could not be read. */
  readonly unread: readonly { readonly tag: Tag; readonly failure: FailureRecord }[];
  /** Tags that are not wanted. */
  readonly others: readonly Tag[];
  /** Names directly below the repository, where the registry says so. */
  readonly children: readonly string[];
  /** How many names are listed that are no tags or repositories: nothing can be asked for by them. */
  readonly misnamed: number;
}

/** Which tags are wanted, and what of them. */
export interface TagListOptions {
  /** All when it is left out. */
  readonly isWanted?: ((tag: Tag) => boolean) | undefined;
  /** What they stand for: a request for each of them where the list does not say it. */
  readonly digests?: boolean;
  /** Names the repository in errors. */
  readonly name?: string;
}

/** Tags that are asked for at the same time; the policy of each host bounds what really is in flight. */
const tagsAtOnce = 64;

/**
 * Lists the tags of a repository, to the end of its list.
 * @throws {RegistryError} when they cannot be listed, `list-incomplete` for a list that is not known to be whole.
 * @throws {WaybillError} `no-repository` when there is none.
 */
export async function listTags(repository: Repository, options: TagListOptions = {}): Promise<TagList> {
  const { isWanted = () => true, digests = false, name = repository.name } = options;
  const listing = await repository.list();
  if (listing === undefined) {
    throw new WaybillError("no-repository", "there is no such repository", {
      where: name,
      hint: ["look for a typing error", besideInWords(name)]
        .filter((words) => words !== "")
        .join("; what there is beside it shows: "),
    });
  }
  const byNumbers = new Intl.Collator("en", { numeric: true });
  const wanted = listing.tags.filter(isWanted).sort(byNumbers.compare);
  const others = listing.tags.filter((tag) => !isWanted(tag));
  const rest = { others, children: listing.children, misnamed: listing.misnamed ?? 0 };
  if (!digests) return { tags: wanted.map((tag) => ({ tag })), unread: [], ...rest };
  const told = new Map<Tag, ListedTag>();
  for (const [digest, { tags, mediaType }] of listing.manifests ?? []) {
    for (const tag of tags) told.set(tag, { tag, digest, mediaType });
  }
  const unread: { readonly tag: Tag; readonly failure: FailureRecord }[] = [];
  const read = async (tag: Tag): Promise<readonly ListedTag[]> => {
    try {
      const found = told.get(tag) ?? (await repository.resolve(tag));
      if (found === undefined) throw listedOnly(formatReference(name, tag), placeOf(repository));
      return [{ tag, digest: found.digest, mediaType: found.mediaType }];
    } catch (error) {
      unread.push({ tag, failure: failureRecord(error) });
      return [];
    }
  };
  const tags = (await pLimit(tagsAtOnce).map(wanted, read)).flat();
  return { tags, unread: unread.sort((a, b) => byNumbers.compare(a.tag, b.tag)), ...rest };
}

/** What lists the repositories beside one, as words of a hint. @param name As people have it; a folder's has nothing beside it. */
export function besideInWords(name: string): string {
  if (name.startsWith("oci:") || !name.includes("/")) return "";
  const above = name.slice(0, name.lastIndexOf("/"));
  return `waybill ls ${above.includes("/") ? `${above}/` : above}`;
}
