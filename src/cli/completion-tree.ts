import { statSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { SelectionPatterns } from "../edges/index.ts";
import { harmless } from "../errors/index.ts";
import type { PromoterManifest } from "../manifest/index.ts";

export type TreeWords = "projects" | "images" | "tags" | "destinations" | "sources";

/** Projects that are opened at most, and bytes of lists of images that are read: all, or those of projects that a line names. */
const bounds = { projects: 400, bytes: 256 * 1024, bytesOfNamed: 4 * 1024 * 1024 };

/**
 * The names that a tree has, in their order, once each. What is read is bounded: somebody waits for it at every press of a
 * key. A list that is too long for that is left out. Names that could steer a terminal are left out as well.
 * @param within Of images, tags and registries, those of what else the line selects.
 */
export async function wordsOfTree(
  kind: TreeWords,
  tree: string,
  within: SelectionPatterns,
): Promise<readonly string[]> {
  const names = kind === "projects" ? await projectsIn(tree) : await namesIn(kind, tree, within);
  return [...new Set(names)].filter((name) => name !== "" && harmless(name) === name).sort();
}

async function projectsIn(tree: string): Promise<readonly string[]> {
  if ((await stat(tree)).isFile()) return [basename(tree)];
  const entries = await readdir(join(tree, "manifests"), { withFileTypes: true });
  return entries.filter((entry) => !entry.isFile()).map(({ name }) => name);
}

async function namesIn(
  kind: Exclude<TreeWords, "projects">,
  tree: string,
  within: SelectionPatterns,
): Promise<readonly string[]> {
  if ((await projectsIn(tree)).length > bounds.projects) return [];
  const { parseSelection, selectParts } = await import("../edges/index.ts");
  const { readManifests } = await import("../manifest/index.ts");
  const { projects, images } = within;
  const selection = await parseSelection({ projects, images: kind === "tags" ? images : [] });
  const isAfforded = affordableBytes(projects.length === 0 ? bounds.bytes : bounds.bytesOfNamed);
  if ((await stat(tree)).isFile() && !isAfforded(tree)) return [];
  const read = await readManifests(tree, {
    imagesOf: ({ project }) =>
      (kind === "images" || kind === "tags") &&
      (selection === undefined || selection.projects.matches(project)) &&
      isAfforded(join(tree, "images", project, "images.yaml")),
  });
  const manifests = selection === undefined ? read.manifests : selectParts(read, selection);
  return manifests.flatMap((manifest) => namesOf(kind, manifest));
}

/** Says of one file after another whether there is room for it. */
function affordableBytes(bytes: number): (file: string) => boolean {
  let left = bytes;
  return (file) => {
    const { size = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
    if (size > left) return false;
    left -= size;
    return true;
  };
}

function namesOf(kind: Exclude<TreeWords, "projects">, manifest: PromoterManifest): readonly string[] {
  const { source, destinations, images } = manifest;
  switch (kind) {
    case "images":
      return images.map(({ name }) => name);
    case "tags":
      return images.flatMap(({ digests }) => digests.flatMap(({ tags }) => tags.map(({ tag }) => tag)));
    case "destinations":
      return destinations.map(({ name }) => name);
    case "sources":
      return [source.name];
  }
}
