import type { ManifestTree } from "../manifest/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { EdgeChange, ManifestComparison, RepositoryChange } from "./compare.ts";
import { countEdges, desiredRepositories, edgesOf, tagsOrDigest } from "./edges.ts";
import { type ChangedEdges, limitToParts } from "./limit.ts";
import { partsOf, selectProjects } from "./select.ts";
import { type Selected, type Selection, selectsRegistry } from "./selection.ts";

/**
 * Of what has changed between two states, that which is selected in either of them. What is not is still what it was compared
 * with: a tag that moves from one project to another has moved, whichever of them is selected.
 * @throws {SelectionError} `nothing-selected` for projects and registries that neither state has. Of images and tags nobody
 * knows: states of a change are not read as a whole.
 */
export function selectChanges<Compared extends ChangedEdges>(
  compared: Compared,
  before: ManifestTree,
  after: ManifestTree,
  selection: Selection,
): Compared & { readonly selected: Selected } {
  const both = {
    path: after.path,
    manifests: [...before.manifests, ...after.manifests],
    unreadable: [...before.unreadable, ...after.unreadable],
  };
  const projects = new Set(selectProjects(both, selection).map(({ project }) => project));
  const sides = { before: wantedIn(before, selection), after: wantedIn(after, selection) };
  const repositories = compared.changes.repositories.flatMap((change) => selectIn(change, sides));
  const edges = { added: 0, removed: 0, moved: 0, "source-changed": 0, unchanged: sides.after.edges };
  for (const { destinations, edges: few } of repositories) {
    for (const { kind } of few) {
      edges[kind] += destinations.length;
      if (kind !== "removed") edges.unchanged -= destinations.length;
    }
  }
  const changes: ManifestComparison = {
    ...compared.changes,
    edges,
    repositories,
    projects: compared.changes.projects
      .filter(({ project }) => projects.has(project) || selection.projects.matches(project))
      .map((change) => ({
        ...change,
        addedDestinations: change.addedDestinations.filter(({ name }) => selectsRegistry(selection, name)),
        removedDestinations: change.removedDestinations.filter(({ name }) =>
          selectsRegistry(selection, name),
        ),
      })),
  };
  const changed = limitToParts(compared.changed, partsOf(after.manifests, selection));
  const others = sumOf(compared.changes) - sumOf(changes);
  return { ...compared, changes, changed, selected: { ...selection.given, others } };
}

function sumOf({ edges: { unchanged: _, ...changed } }: ManifestComparison): number {
  return Object.values(changed).reduce((sum, count) => sum + count, 0);
}

interface Wanted {
  readonly edges: number;
  isSelected(destination: RepositoryName, digest: Digest, tag: Tag | null): boolean;
}

function wantedIn({ manifests }: ManifestTree, selection: Selection): Wanted {
  const repositories = desiredRepositories(edgesOf(partsOf(manifests, selection)));
  const keys = new Set(
    repositories.flatMap(({ destination, images }) =>
      images.flatMap((image) =>
        tagsOrDigest(image).map(({ tag }) => `${destination} ${image.digest} ${tag}`),
      ),
    ),
  );
  return {
    edges: repositories.reduce((sum, { images }) => sum + countEdges(images), 0),
    isSelected: (destination, digest, tag) => keys.has(`${destination} ${digest} ${tag}`),
  };
}

/** The selected edges of a change, those of its destinations together of which the same ones are. */
function selectIn(
  change: RepositoryChange,
  { before, after }: Readonly<Record<"before" | "after", Wanted>>,
): readonly RepositoryChange[] {
  const isSelected = (destination: RepositoryName, edge: EdgeChange): boolean =>
    (edge.before !== undefined && before.isSelected(destination, edge.before.digest, edge.tag)) ||
    (edge.after !== undefined && after.isSelected(destination, edge.after.digest, edge.tag));
  const parts = new Map<string, { destinations: RepositoryName[]; edges: readonly EdgeChange[] }>();
  for (const destination of change.destinations) {
    const edges = change.edges.filter((edge) => isSelected(destination, edge));
    const key = edges.map((edge) => change.edges.indexOf(edge)).join(" ");
    const part = parts.get(key) ?? { destinations: [], edges };
    part.destinations.push(destination);
    if (edges.length > 0) parts.set(key, part);
  }
  return Array.from(parts.values(), (part) => ({ ...change, ...part }));
}
