import { relative, sep } from "node:path";
import {
  comparePlaces,
  type Diagnostic,
  didYouMeanOneOf,
  firstOf,
  likeliest,
  placeIn,
  type RoughPlace,
} from "../diagnostics/index.ts";
import type { ImageEntry, ManifestTree, PromoterManifest } from "../manifest/index.ts";
import { countEdges, type EdgeSet } from "./edges.ts";
import { limitToParts } from "./limit.ts";
import { type Pattern, type PatternOption, type Patterns, SelectionError } from "./pattern.ts";
import {
  type Selected,
  type Selection,
  selectionInWords,
  selectsRegistry,
  withThoseAbove,
} from "./selection.ts";

/**
 * Of some of the edges of manifests, those that are selected. All of the manifests have been judged: what else is known of an
 * edge stays known, and it gets the verdict that it would get among all.
 * @throws {SelectionError} `nothing-selected` when the selection names what the tree does not have.
 */
export function selectEdges(
  edges: EdgeSet,
  tree: ManifestTree,
  selection: Selection,
): { readonly edges: EdgeSet; readonly selected: Selected } {
  const left = limitToParts(edges, selectParts(tree, selection));
  return { edges: left, selected: { ...selection.given, others: sizeOf(edges) - sizeOf(left) } };
}

function sizeOf({ groups }: EdgeSet): number {
  return groups.reduce((sum, { destinations, images }) => sum + destinations.length * countEdges(images), 0);
}

/**
 * The selected lines of manifests, as manifests: several of one project where an image is selected for one of its registries
 * alone. They ask for what is selected and for nothing else; what they contend with is not in them.
 * @throws {SelectionError} as {@link selectEdges}.
 */
export function selectParts(tree: ManifestTree, selection: Selection): readonly PromoterManifest[] {
  const parts = partsOf(tree.manifests, selection);
  refuseNothing(tree, selection, parts);
  return parts;
}

/** The selected lines of manifests, which may be none. */
export function partsOf(
  manifests: readonly PromoterManifest[],
  selection: Selection,
): readonly PromoterManifest[] {
  return manifests
    .filter(({ project }) => selection.projects.matches(project))
    .flatMap((manifest): readonly PromoterManifest[] => {
      const destinations = manifest.destinations.filter(({ name }) => selectsRegistry(selection, name));
      if (destinations.length === 0) return [];
      if (manifest.images.length === 0 && selection.images.isOpen && selection.tags.isOpen) {
        return [{ ...manifest, destinations }];
      }
      const parts = new Map<string, { destinations: typeof destinations; images: ImageEntry[] }>();
      for (const image of manifest.images.flatMap((entry) => withTags(entry, selection.tags))) {
        const own = destinations.filter((registry) => selectsImage(selection, image, manifest, registry));
        const key = own.map(({ name }) => name).join(" ");
        const part = parts.get(key) ?? { destinations: own, images: [] };
        part.images.push(image);
        if (own.length > 0) parts.set(key, part);
      }
      return Array.from(parts.values(), (part) => ({ ...manifest, ...part }));
    });
}

/** Whether an image is selected for one of the registries that it goes to: what is left out of one may go to the others. */
function selectsImage(
  { images }: Selection,
  image: ImageEntry,
  manifest: PromoterManifest,
  registry: Registry,
): boolean {
  return images.isOpen || images.matches(...namesOf(image, manifest, registry));
}

type Registry = PromoterManifest["destinations"][number];

/** What an image may be called by: its name in its project, as a repository in staging, and as one in production. */
function namesOf({ name }: ImageEntry, { source }: PromoterManifest, registry: Registry): string[] {
  return [name, `${source.name}/${name}`, `${registry.name}/${name}`];
}

/** A block with its selected lines: with tags asked for, a digest keeps those of its tags. */
function withTags(image: ImageEntry, tags: Patterns): readonly ImageEntry[] {
  if (tags.isOpen) return [image];
  const digests = image.digests.flatMap((line) => {
    const own = line.tags.filter(({ tag }) => tags.matches(tag));
    return own.length === 0 ? [] : [{ ...line, tags: own }];
  });
  return digests.length === 0 ? [] : [{ ...image, digests }];
}

/** What an option can select of a tree: each thing with all of its names, the first of which people know it by. */
type Selectable = () => Iterable<readonly string[]>;

/**
 * The selected projects: those of a selected name that promote to a selected registry, whatever of their images is selected.
 * @throws {SelectionError} `nothing-selected`.
 */
export function selectProjects(
  { path, manifests, unreadable }: Pick<ManifestTree, "path" | "manifests" | "unreadable">,
  selection: Selection,
): readonly PromoterManifest[] {
  const { projects, to } = selection;
  const names = [...manifests.map(({ project }) => project), ...unreadable];
  refuseUnknown("--project", projects, () => names.map((name) => [name]), path);
  const named = manifests.filter(({ project }) => projects.matches(project));
  if (!unreadable.some((project) => projects.matches(project))) {
    refuseUnknown(
      "--to",
      to,
      () => named.flatMap(({ destinations }) => destinations.map(({ name }) => withThoseAbove(name))),
      path,
    );
  }
  return named.filter(({ destinations }) =>
    destinations.some(({ name }) => selectsRegistry(selection, name)),
  );
}

/**
 * Refuses a selection of nothing, and one with a name that nothing has: it is as good as surely misspelt. A project that cannot
 * be read may hold what is asked for; that it cannot be read is told elsewhere.
 */
function refuseNothing(tree: ManifestTree, selection: Selection, parts: readonly PromoterManifest[]): void {
  const { images, tags, projects } = selection;
  const within = selectProjects(tree, selection);
  if (tree.unreadable.some((project) => projects.matches(project))) return;
  const imagesThere: Selectable = () =>
    within.flatMap((manifest) =>
      manifest.images.flatMap((image) =>
        manifest.destinations.map((registry) => namesOf(image, manifest, registry)),
      ),
    );
  const tagsThere: Selectable = () =>
    within.flatMap(({ images: entries }) =>
      entries.flatMap(({ digests }) => digests.flatMap((line) => line.tags.map(({ tag }) => [tag]))),
    );
  refuseUnknown("--image", images, imagesThere, tree.path);
  refuseUnknown("--tag", tags, tagsThere, tree.path);
  if (parts.length > 0) return;
  throw new SelectionError("nothing-selected", `nothing has all of ${selectionInWords(selection.given)}`, {
    where: tree.path,
    hint: "each of them selects something, but not together: leave one out",
  });
}

function refuseUnknown(
  option: PatternOption,
  patterns: Patterns,
  selectable: Selectable,
  path: string,
): void {
  if (patterns.isOpen) return;
  const there = [...selectable()];
  const means = (pattern: Pattern): boolean => there.some((names) => pattern.matches(...names));
  const unknown = patterns.all.filter(({ isExact }) => isExact).find((pattern) => !means(pattern));
  if (unknown === undefined && patterns.all.some(means)) return;
  const asked = unknown?.text ?? patterns.all.map(({ text }) => text).join(", ");
  const known = [...new Set(there.flatMap(([name]) => (name === undefined ? [] : [name])))].sort();
  const meant = likeliest(asked, unknown?.text.includes("/") === true ? there.flat() : known);
  throw new SelectionError("nothing-selected", `${option} ${asked} selects nothing`, {
    where: path,
    hint: didYouMeanOneOf(meant) ?? sampleOf(known),
  });
}

function sampleOf(names: readonly string[]): string {
  return names.length === 0 ? "there is nothing that it could select" : `there are ${firstOf(names, 5)}`;
}

/**
 * Tells findings apart by whether they are about what is selected: about one of its projects as a whole, or about one of its
 * images. One that involves a selected line in any of its places counts as such, wherever the others are. Tags make no difference.
 */
export function selectedFindings(
  { path, manifests, diagnostics }: Pick<ManifestTree, "path" | "manifests" | "diagnostics">,
  selection: Selection,
): { readonly within: readonly Diagnostic[]; readonly others: readonly Diagnostic[] } {
  const byFile = new Map(
    manifests.flatMap(
      (manifest) =>
        [
          [manifest.file, manifest],
          [manifest.imagesFile, manifest],
        ] as const,
    ),
  );
  const isSelected = (place: RoughPlace): boolean => {
    const manifest = byFile.get(place.file);
    const project = manifest?.project ?? projectIn(path, place.file);
    if (project !== undefined && !selection.projects.matches(project)) return false;
    if (manifest === undefined) return true;
    const image = imageAt(manifest, place);
    return manifest.destinations.some(
      (registry) =>
        selectsRegistry(selection, registry.name) &&
        (image === undefined || selectsImage(selection, image, manifest, registry)),
    );
  };
  const isWithin = ({ file, at, related = [] }: Diagnostic): boolean =>
    isSelected({ file, ...at }) || related.some((other) => isSelected({ file: other.file, ...other.at }));
  const within = new Set(diagnostics.filter(isWithin));
  return { within: [...within], others: diagnostics.filter((found) => !within.has(found)) };
}

/** The project that a file is one of by where it stands, where that could not be read. */
function projectIn(path: string, file: string): string | undefined {
  const [folder = "", project] = relative(path, file).split(sep);
  return folder === "manifests" || folder === "images" ? project : undefined;
}

/** The block that a place is in: none for what is about a file as a whole, or about another part of it. */
function imageAt({ imagesFile, images }: PromoterManifest, place: RoughPlace): ImageEntry | undefined {
  if (place.file !== imagesFile || place.line === undefined) return undefined;
  return images.findLast(({ at }) => comparePlaces(placeIn(imagesFile, at), place) <= 0);
}
