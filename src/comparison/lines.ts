import type { EdgeChange, EdgeChangeKind, ManifestComparison } from "../edges/index.ts";
import type { RepositoryName } from "../oci/index.ts";

/** One change of an edge, for all the repositories that it is the same in: usually the mirrors of one image. */
export interface ChangeLine {
  readonly change: EdgeChange;
  /** At least one, in the order of their names. */
  readonly destinations: readonly RepositoryName[];
}

/** What a reader must not miss comes first. */
const order: readonly EdgeChangeKind[] = ["moved", "removed", "source-changed", "added"];

/** Changes of edges: moved tags first, then what was removed, other sources, and what was added. */
export function changeLines({ repositories }: ManifestComparison): ChangeLine[] {
  const lines = repositories.flatMap(({ destinations, edges }) =>
    edges.map((change): ChangeLine => ({ change, destinations })),
  );
  return order.flatMap((kind) => lines.filter(({ change }) => change.kind === kind));
}

/** Edges by what became of them, in words: `2 moved, 44 added, 720478 unchanged`. */
export function countsInWords({ edges }: ManifestComparison): string {
  const changed = order.filter((kind) => edges[kind] > 0).map((kind) => `${edges[kind]} ${inWords[kind]}`);
  return [...changed, `${edges.unchanged} unchanged`].join(", ");
}

const inWords: Readonly<Record<EdgeChangeKind, string>> = {
  moved: "moved",
  removed: "removed",
  "source-changed": "from another source",
  added: "added",
};

/**
 * Whether the two states ask for something else, or may do: a project that could not be read may ask for anything. How
 * files are written does not count.
 */
export function differs({ repositories, projects, unreadable }: ManifestComparison): boolean {
  const isKnown = unreadable.before.length === 0 && unreadable.after.length === 0;
  return !isKnown || repositories.length > 0 || projects.length > 0;
}
