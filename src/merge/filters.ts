import picomatch from "picomatch";
import { digestFault, isDigest, isTag, repositoryFault } from "../oci/index.ts";
import { MergeError } from "./errors.ts";

/**
 * What to take from staging. Each list is an "or", and all lists that are not empty must agree. An entry is an exact
 * name, or a glob in the manner of shells (`v1.2*`, `kube-{proxy,scheduler}`), in which `*` stops at slashes and `**`
 * does not.
 */
export interface MergeFilters {
  /** Names below the staging registry. */
  readonly images?: readonly string[];
  readonly digests?: readonly string[];
  readonly tags?: readonly string[];
}

/** One kind of filter, ready to be asked. */
export interface Filter {
  /** Whether there is no such filter: everything passes. */
  readonly isOpen: boolean;
  /** The entries that are names, not globs. */
  readonly exact: ReadonlySet<string>;
  readonly hasGlobs: boolean;
  /** So many segments a name can have that passes: infinite with `**`, or without any filter. */
  readonly depth: number;
  passes(name: string): boolean;
}

/** All filters of a merge. */
export interface Filters {
  readonly images: Filter;
  readonly digests: Filter;
  readonly tags: Filter;
}

/** @throws {MergeError} `invalid-filter` for an entry that is no glob and can match nothing, such as a short digest. */
export function compileFilters({ images = [], digests = [], tags = [] }: MergeFilters): Filters {
  return {
    images: compile("image", images, (name) => repositoryFault(`localhost/${name}`)),
    digests: compile("digest", digests, (text) => (isDigest(text) ? undefined : digestFault(text))),
    tags: compile("tag", tags, tagFault),
  };
}

/** Versions of charts may have a `+`, which tags may not: Helm writes `_` for it (Helm documentation, OCI registries). */
function tagFault(text: string): string | undefined {
  if (isTag(text)) return undefined;
  const written = text.replaceAll("+", "_");
  return isTag(written) ? `it is no tag, for tags have no +; Helm writes ${written} for it` : "it is no tag";
}

/** No image name, digest or tag has one of these characters, so none is ever taken for a glob. */
const globCharacters = /[*?[\]{}()!]/;

function compile(
  kind: string,
  entries: readonly string[],
  fault: (text: string) => string | undefined,
): Filter {
  const exact = new Set(entries.filter((entry) => !globCharacters.test(entry)));
  const globs = entries.filter((entry) => globCharacters.test(entry));
  for (const name of exact) {
    const why = fault(name);
    if (why === undefined) continue;
    throw new MergeError(
      "invalid-filter",
      `the filter --${kind} ${JSON.stringify(name)} can match nothing: ${why}`,
    );
  }
  const matches = globs.map((glob) => picomatch(glob));
  const isOpen = entries.length === 0;
  return {
    isOpen,
    exact,
    hasGlobs: globs.length > 0,
    depth: isOpen ? Number.POSITIVE_INFINITY : Math.max(...entries.map(depthOf)),
    passes: (name) => isOpen || exact.has(name) || matches.some((match) => match(name)),
  };
}

function depthOf(entry: string): number {
  // Negation and extended globs can match at any depth.
  return /\*\*|[!(]/.test(entry) ? Number.POSITIVE_INFINITY : entry.split("/").length;
}
