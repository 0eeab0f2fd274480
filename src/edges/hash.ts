import { createHash } from "node:crypto";
import { type DesiredImage, type DesiredSource, desiredRepositories, type EdgeSet } from "./edges.ts";

/**
 * A digest of what is asked for: source, destination, digest and tag of every edge, and nothing else. Two trees with the
 * same edges have the same one, however their files are written.
 */
export function edgesHash(edges: EdgeSet): string {
  const hash = createHash("sha256");
  const texts = new Map<readonly DesiredImage[], string>();
  for (const { destination, images } of desiredRepositories(edges)) {
    const text = texts.get(images) ?? edgesText(images);
    texts.set(images, text);
    hash.update(`${destination}\n${text}\n`);
  }
  return `sha256:${hash.digest("hex")}`;
}

/** What a list asks for, as a text that does not depend on the order of its lines. */
export function edgesText(
  images: readonly (Pick<DesiredImage, "digest" | "tags"> & { readonly sources: readonly DesiredSource[] })[],
): string {
  const edges = images.flatMap(({ digest, sources, tags }) => {
    const from = [...new Set(sources.map(({ repository }) => repository))].sort().join(" ");
    const names = tags.length === 0 ? ["-"] : tags.map(({ tag }) => tag);
    return names.map((name) => `${digest} ${name} ${from}`);
  });
  return edges.sort().join("\n");
}
