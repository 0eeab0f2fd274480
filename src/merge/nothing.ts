import pLimit from "p-limit";
import { didYouMeanOneOf, firstOf, likeliest } from "../diagnostics/index.ts";
import { parseRepository } from "../oci/index.ts";
import type { Listing } from "../registry/index.ts";
import { findCandidates, repositoriesAtOnce, type StagingAccess } from "./candidates.ts";
import { MergeError } from "./errors.ts";
import { compileFilters, type Filters } from "./filters.ts";

/** So many repositories are listed to find out what somebody may have meant. */
const repositoriesForSuggestions = 50;

/**
 * Why the filters chose nothing from a staging registry: it is empty, or the error says what comes nearest to the
 * names that were given. Looks around for that, and is content with what can be read.
 */
export async function explainNothing(
  staging: string,
  known: readonly string[],
  filters: Filters,
  access: StagingAccess,
): Promise<MergeError> {
  const names = await namesIn(staging, known, access);
  const ordered = [...names].sort(
    (a, b) => Number(filters.images.passes(b)) - Number(filters.images.passes(a)),
  );
  const listings = await listSome(staging, [...filters.images.exact, ...ordered], access);
  const held = [...listings].filter(([, listing]) => listing.tags.length > 0 || listing.manifests?.size);
  if (held.length === 0) {
    return new MergeError("empty-staging", "the staging registry holds no images", {
      where: staging,
      hint: "nothing was found below it: has the build pushed its images, and to this registry?",
    });
  }
  // Of an image that is not there, nobody knows the tags: what others have is no typing error.
  const isMisspelled = [...filters.images.exact].some((name) => !held.some(([image]) => image === name));
  const chosen = isMisspelled ? held : held.filter(([image]) => filters.images.passes(image));
  const tags = new Set<string>(chosen.flatMap(([, listing]) => listing.tags));
  const digests = new Set<string>(chosen.flatMap(([, listing]) => [...(listing.manifests?.keys() ?? [])]));
  const images = [...new Set([...names, ...held.map(([image]) => image)])];
  const hints = [
    ...suggestions("--image", filters.images.exact, images, new Set(held.map(([image]) => image))),
    ...suggestions("--tag", filters.tags.exact, tags, tags),
    ...suggestions("--digest", filters.digests.exact, digests, digests),
    ...(tags.has("latest") && filters.tags.isOpen
      ? ["the tag latest is never taken unless --tag names it"]
      : []),
    ...(filters.maxAge === undefined ? [] : ["what --max-age calls too old is not taken"]),
  ];
  const message = "no image passes the filters: look for typing errors in what they name";
  return new MergeError("nothing-chosen", message, {
    where: staging,
    hint: hints.length === 0 ? `images there: ${firstOf(images.toSorted(), 5)}` : hints.join("; "),
  });
}

/** Names of images that are there or may be; only what can be found out. */
async function namesIn(
  staging: string,
  known: readonly string[],
  access: StagingAccess,
): Promise<Set<string>> {
  try {
    const { candidates } = await findCandidates(staging, known, (await compileFilters({})).images, access);
    return new Set([...candidates.map(({ image }) => image), ...known]);
  } catch {
    return new Set(known);
  }
}

async function listSome(
  staging: string,
  images: readonly string[],
  access: StagingAccess,
): Promise<Map<string, Listing>> {
  const some = [...new Set(images)].slice(0, repositoriesForSuggestions);
  const listings = await pLimit(repositoriesAtOnce).map(some, async (image) => {
    try {
      return await access.open(parseRepository(`${staging}/${image}`)).list();
    } catch {
      return undefined;
    }
  });
  const found = some.flatMap((image, at): [string, Listing][] => {
    const listing = listings[at];
    return listing === undefined ? [] : [[image, listing]];
  });
  return new Map(found);
}

function suggestions(
  option: string,
  given: ReadonlySet<string>,
  names: Iterable<string>,
  there: ReadonlySet<string>,
): string[] {
  const known = [...names];
  return [...given].flatMap((text) => {
    if (there.has(text)) return [];
    const meant = didYouMeanOneOf(
      likeliest(
        text,
        known.filter((name) => name !== text),
      ),
    );
    return [`${option} ${text}: ${meant ?? "there is no such one"}`];
  });
}
