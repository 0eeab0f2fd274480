import { formatPlace, type Place } from "../diagnostics/index.ts";
import type { ManifestComparison } from "../edges/index.ts";

/** A comparison as JSON has it: each place is a text, `file:line:column`. */
export function comparisonAsDocument({ edges, repositories, projects, ...rest }: ManifestComparison): object {
  return {
    edges,
    repositories: repositories.map((repository) => ({
      ...repository,
      edges: repository.edges.map((edge) => ({
        ...edge,
        before: edge.before && printed(edge.before),
        after: edge.after && printed(edge.after),
      })),
    })),
    projects: projects.map((change) => {
      const { source, provenance } = change;
      return {
        ...change,
        source: source && { before: printed(source.before), after: printed(source.after) },
        provenance: provenance && printed(provenance),
        addedDestinations: change.addedDestinations.map(printed),
        removedDestinations: change.removedDestinations.map(printed),
      };
    }),
    ...rest,
  };
}

function printed<Found extends { readonly at: Place }>(
  found: Found,
): Omit<Found, "at"> & { readonly at: string } {
  return { ...found, at: formatPlace(found.at) };
}
