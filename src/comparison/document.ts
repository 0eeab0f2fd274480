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
        ...(edge.before === undefined ? {} : { before: printed(edge.before) }),
        ...(edge.after === undefined ? {} : { after: printed(edge.after) }),
      })),
    })),
    projects: projects.map((change) => {
      const { source, provenance } = change;
      return {
        ...change,
        ...(source === undefined
          ? {}
          : { source: { before: printed(source.before), after: printed(source.after) } }),
        ...(provenance === undefined ? {} : { provenance: printed(provenance) }),
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
