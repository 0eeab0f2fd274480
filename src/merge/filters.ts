import { type Patterns, parsePatterns, SelectionError } from "../edges/index.ts";
import { MergeError } from "./errors.ts";

/**
 * What to take from staging. Each list is an "or", and all lists that are not empty must agree. An entry is a pattern, as selections
 * have them: an exact name, a glob in the manner of shells (`v1.2*`, `kube-{proxy,scheduler}`), in which `*` stops at slashes and
 * `**` does not, an expression (`regex:v1\.[0-9]+`), or, of tags, a range of versions (`semver:>=1.30 <1.32`).
 */
export interface ImageFilters {
  /** Names below the staging registry, or with it. */
  readonly images?: readonly string[];
  readonly digests?: readonly string[];
  readonly tags?: readonly string[];
}

/** What to take from staging, and how new it has to be. */
export interface MergeFilters extends ImageFilters {
  /** So many of each image, of those that the other filters choose. */
  readonly newest?: number | undefined;
  /** Milliseconds since it was pushed or, where the registry does not tell that, built. */
  readonly maxAge?: number | undefined;
}

export interface Filter extends Pick<Patterns, "isOpen" | "exact"> {
  /** Whether any entry means names that it does not say. */
  readonly hasGlobs: boolean;
  /** So many segments a name can have that passes: infinite with `**`, or without any filter. */
  readonly depth: number;
  passes(name: string): boolean;
}

export interface Filters extends Pick<MergeFilters, "newest" | "maxAge"> {
  readonly images: Filter;
  readonly digests: Filter;
  readonly tags: Filter;
}

/** Staging registries, by which images are told apart that are named as whole repositories. */
export interface StagingNames {
  /** The one that is read. */
  readonly staging: string;
  readonly others: readonly string[];
}

/** @throws {MergeError} `invalid-filter` for an entry that can match nothing, such as a short digest. */
export async function compileFilters(
  { images = [], digests = [], tags = [], newest, maxAge }: MergeFilters,
  names?: StagingNames,
): Promise<Filters> {
  return {
    images: below(await compile("--image", images), names),
    digests: filterOf(await compile("--digest", digests)),
    tags: filterOf(await compile("--tag", tags)),
    newest,
    maxAge,
  };
}

async function compile(
  option: "--image" | "--digest" | "--tag",
  entries: readonly string[],
): Promise<Patterns> {
  try {
    return await parsePatterns(option, entries);
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error;
    const { message, hint } = error;
    throw new MergeError("invalid-filter", `the filter ${message}`, { hint, cause: error });
  }
}

function filterOf({ isOpen, exact, all, matches }: Patterns): Filter {
  return {
    isOpen,
    exact,
    hasGlobs: all.some(({ isExact }) => !isExact),
    depth: isOpen ? Number.POSITIVE_INFINITY : Math.max(...all.map(({ text }) => depthOf(text))),
    passes: (name) => matches(name),
  };
}

/** A filter of images in which whole repositories mean those of the staging registry by their names below it. */
function below(patterns: Patterns, names: StagingNames | undefined): Filter {
  const filter = filterOf(patterns);
  if (names === undefined) return filter;
  const { staging, others } = names;
  const isElsewhere = (name: string) => others.some((other) => name.startsWith(`${other}/`));
  const exact = new Set(
    [...filter.exact].flatMap((name) => {
      if (name.startsWith(`${staging}/`)) return [name.slice(staging.length + 1)];
      return isElsewhere(name) ? [] : [name];
    }),
  );
  return { ...filter, exact, passes: (name) => patterns.matches(name, `${staging}/${name}`) };
}

function depthOf(entry: string): number {
  // Negation, extended globs and expressions can match at any depth.
  return /^regex:|\*\*|[!(]/.test(entry) ? Number.POSITIVE_INFINITY : entry.split("/").length;
}
