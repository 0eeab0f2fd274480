import { relative } from "node:path";
import { placeIn } from "../diagnostics/index.ts";
import {
  type ManifestTree,
  type PromoterManifest,
  policyMeaning,
  type RegistryEntry,
} from "../manifest/index.ts";
import type { ProjectChange, RegistrySide } from "./compare.ts";
import type { EdgeSet } from "./edges.ts";
import { edgesText } from "./hash.ts";

/**
 * Projects that came, went, or changed their registries. A project that is there under another name, with the same
 * staging registry, was renamed.
 * @param unread names of projects that could not be read before: nobody knows what changed about them.
 */
export function compareProjects(
  before: readonly PromoterManifest[],
  after: readonly PromoterManifest[],
  unread: ReadonlySet<string>,
): ProjectChange[] {
  const then = new Map(before.map((manifest) => [manifest.project, manifest]));
  const now = new Set(after.map(({ project }) => project));
  const gone = before.filter(({ project }) => !now.has(project));
  const changes: ProjectChange[] = [];
  for (const manifest of after) {
    if (unread.has(manifest.project)) continue;
    const renamed = then.has(manifest.project)
      ? -1
      : gone.findIndex(({ source }) => source.name === manifest.source.name);
    const earlier = renamed < 0 ? then.get(manifest.project) : gone.splice(renamed, 1)[0];
    const change = earlier === undefined ? wholly("added", manifest) : compareRegistries(earlier, manifest);
    if (change !== undefined) changes.push(change);
  }
  return [...changes, ...gone.map((manifest) => wholly("removed", manifest))];
}

function wholly(kind: "added" | "removed", { project, file, destinations }: PromoterManifest): ProjectChange {
  const sides = destinations.map((entry) => sideOf(entry, file));
  return {
    project,
    kind,
    addedDestinations: kind === "added" ? sides : [],
    removedDestinations: kind === "removed" ? sides : [],
  };
}

function compareRegistries(before: PromoterManifest, after: PromoterManifest): ProjectChange | undefined {
  const isRenamed = before.project !== after.project;
  const hasMoved = before.source.name !== after.source.name;
  const added = missingFrom(before.destinations, after);
  const removed = missingFrom(after.destinations, before);
  const isOtherPolicy = policyMeaning(before.provenance) !== policyMeaning(after.provenance);
  const isSame = !isRenamed && !hasMoved && !isOtherPolicy;
  if (isSame && added.length === 0 && removed.length === 0) return undefined;
  return {
    project: after.project,
    kind: "changed",
    renamedFrom: isRenamed ? before.project : undefined,
    source: hasMoved
      ? { before: sideOf(before.source, before.file), after: sideOf(after.source, after.file) }
      : undefined,
    provenance: isOtherPolicy ? policyChange(before, after) : undefined,
    addedDestinations: added,
    removedDestinations: removed,
  };
}

function policyChange(before: PromoterManifest, { provenance, source, file }: PromoterManifest) {
  const modes = { before: before.provenance?.mode ?? "off", after: provenance?.mode ?? "off" } as const;
  return { ...modes, at: placeIn(file, (provenance ?? source).at) };
}

function missingFrom(
  known: readonly RegistryEntry[],
  { destinations, file }: PromoterManifest,
): RegistrySide[] {
  const names = new Set(known.map(({ name }) => name));
  return destinations.filter(({ name }) => !names.has(name)).map((entry) => sideOf(entry, file));
}

function sideOf({ name, at }: RegistryEntry, file: string): RegistrySide {
  return { name, at: placeIn(file, at) };
}

type State = ManifestTree & { readonly edges: EdgeSet };

/**
 * Files of both states whose text differs, although they ask for the same and have the same errors; by their names in the
 * second. A file is the same one when it is at the same place of its tree.
 */
export function rewrittenFiles(before: State, after: State): string[] {
  const namesBefore = new Map(
    Object.keys(before.texts ?? {}).map((file) => [relative(before.path, file), file]),
  );
  const changed = new Map<string, string>();
  for (const [file, text] of Object.entries(after.texts ?? {})) {
    const earlier = namesBefore.get(relative(after.path, file));
    if (earlier !== undefined && before.texts?.[earlier] !== text) changed.set(file, earlier);
  }
  const then = meanings(before, new Set(changed.values()));
  const now = meanings(after, new Set(changed.keys()));
  return [...changed]
    .filter(([file, earlier]) => now.has(file) && now.get(file) === then.get(earlier))
    .map(([file]) => file)
    .sort();
}

/** What some files of a tree say, as texts that do not depend on how they are written. */
function meanings({ manifests, edges, diagnostics }: State, files: ReadonlySet<string>): Map<string, string> {
  const meanings = new Map<string, string>();
  const add = (file: string, meaning: string): void =>
    void meanings.set(file, `${meanings.get(file) ?? ""}${meaning}\n`);
  for (const manifest of manifests) {
    const { file, imagesFile, source, destinations, provenance } = manifest;
    const registries = [source.name, ...destinations.map(({ name }) => name).sort()];
    if (files.has(file)) add(file, [...registries, policyMeaning(provenance)].join(" "));
    if (!files.has(imagesFile)) continue;
    const lists = edges.feeds
      .filter((feed) => feed.manifest === manifest)
      .map(({ name, images }) => `${name} ${edgesText(images.map((image) => ({ ...image, sources: [] })))}`);
    add(imagesFile, lists.sort().join("\n"));
  }
  for (const { severity, file, code, message } of diagnostics) {
    if (severity === "error" && meanings.has(file)) add(file, `${code} ${message}`);
  }
  return meanings;
}
