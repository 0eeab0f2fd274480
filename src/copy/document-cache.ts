import { type ImageDocument, limits } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import type { FetchDocument } from "./graph.ts";

/** Manifests read in this run, so that planning and copying together ask a repository for each of them once. */
export type DocumentCache = ReturnType<typeof createDocumentCache>;

/** Manifests are small; this many bytes hold those of several thousand images. */
const defaultBytes = 64 * 1024 * 1024;

/**
 * A cache that forgets the oldest manifests beyond `maximumBytes`, and keeps none so large that it would cost the place of
 * many. Absence is not remembered, and what one repository holds says nothing about another.
 */
export function createDocumentCache(maximumBytes: number = defaultBytes) {
  const held = new Map<string, ImageDocument>();
  let bytes = 0;

  const remember = (key: string, document: ImageDocument): void => {
    if (held.has(key) || document.bytes.length > limits.wideClosureBytes) return;
    held.set(key, document);
    bytes += document.bytes.length;
    for (const [oldest, old] of held) {
      if (bytes <= maximumBytes) break;
      held.delete(oldest);
      bytes -= old.bytes.length;
    }
  };

  return {
    /** A way to fetch manifests of a repository that asks it only for what has not been read from it yet. */
    of(repository: Pick<Repository, "fetch" | "address">): FetchDocument {
      return async (digest) => {
        const key = `${repository.address}@${digest}`;
        const known = held.get(key) ?? (await repository.fetch(digest));
        if (known !== undefined) remember(key, known);
        return known;
      };
    },
  };
}
