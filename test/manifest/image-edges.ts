import type { ImageAddition } from "../../src/manifest/index.ts";
import { parseDigest, parseTag } from "../../src/oci/index.ts";
import { parseYaml, type YamlNode } from "../../src/yaml/index.ts";

/** One line of what a list of images says; the tag is empty for a digest by itself. */
export interface ImageEdge {
  readonly image: string;
  readonly digest: string;
  readonly tag: string;
}

/** Everything a list of images says, in its order, read without the code under test. */
export function imageEdges(text: string): ImageEdge[] {
  const { root } = parseYaml(text);
  return root?.kind === "sequence" ? root.items.flatMap(edgesOfItem) : [];
}

function edgesOfItem(item: YamlNode): ImageEdge[] {
  if (item.kind !== "mapping") return [];
  const value = (key: string) => item.entries.find((entry) => entry.key.value === key)?.value;
  const name = value("name");
  const dmap = value("dmap");
  if (name?.kind !== "scalar" || dmap?.kind !== "mapping") return [];
  return dmap.entries.flatMap(({ key, value: tags }) => {
    const texts =
      tags.kind === "sequence" ? tags.items.map((tag) => (tag.kind === "scalar" ? tag.value : "")) : [];
    return (texts.length === 0 ? [""] : texts).map((tag) => ({ image: name.value, digest: key.value, tag }));
  });
}

/** An edge as one text, for sets. */
export function edgeKey({ image, digest, tag }: ImageEdge): string {
  return `${image}@${digest}:${tag}`;
}

/** Edges as additions, one for each digest of an image. @throws for an edge that nobody could add, such as one with a bad digest. */
export function asAdditions(edges: readonly ImageEdge[]): ImageAddition[] {
  const byDigest = new Map<string, ImageEdge[]>();
  for (const edge of edges) {
    const key = `${edge.image}@${edge.digest}`;
    byDigest.set(key, [...(byDigest.get(key) ?? []), edge]);
  }
  return [...byDigest.values()].map((group) => ({
    image: group[0]?.image ?? "",
    digest: parseDigest(group[0]?.digest ?? ""),
    tags: group.filter((edge) => edge.tag !== "").map((edge) => parseTag(edge.tag)),
  }));
}
