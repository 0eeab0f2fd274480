import { printable } from "../../diagnostics/index.ts";
import {
  isNullScalar,
  type YamlEntry,
  type YamlMapping,
  type YamlNode,
  type YamlScalar,
  type YamlSequence,
} from "../../yaml/index.ts";
import { ManifestEditError } from "./error.ts";

/** Where the images stand in a file: as its root (thin manifests), or under `images` (plain ones). */
export interface ImageList {
  readonly root: YamlNode | undefined;
  /** The entry `images` of a plain manifest. */
  readonly holder: YamlEntry | undefined;
  /** The list itself; `undefined` when the file has none yet. */
  readonly sequence: YamlSequence | undefined;
  readonly blocks: readonly ImageBlock[];
}

/** One item of the list of images. */
export interface ImageBlock {
  readonly node: YamlMapping;
  readonly name: YamlScalar;
  /** The entry `dmap`, which may be missing. */
  readonly dmap: YamlEntry | undefined;
  readonly entries: readonly DigestLine[];
  /** Whether it, or its `dmap`, is written elsewhere and only referred to here. */
  readonly aliased: boolean;
}

/** One entry of a `dmap`. Digest and tags are what is written, which need not be valid. */
export interface DigestLine {
  readonly digest: string;
  readonly tags: readonly string[];
  readonly key: YamlScalar;
  readonly value: YamlNode;
  /** Whether it came in by a merge key, or its value by an alias. */
  readonly aliased: boolean;
}

/**
 * Finds the images in a parsed file. Items that are no images are left out: they are for `check` to report.
 * @throws {ManifestEditError} `not-an-image-list` for anything that is neither a list nor a plain manifest,
 * `repeated-key` when an image has its name or `dmap` twice.
 */
export function readImageList(root: YamlNode | undefined): ImageList {
  if (root === undefined || isNullScalar(root)) {
    return { root, holder: undefined, sequence: undefined, blocks: [] };
  }
  if (root.kind === "sequence") return { root, holder: undefined, sequence: root, blocks: blocksOf(root) };
  if (root.kind === "mapping" && root.entries.some((entry) => entry.key.value === "registries")) {
    const holder = only(root, "images");
    const sequence = holder?.value.kind === "sequence" ? holder.value : undefined;
    const written = sequence === undefined || holder === undefined || isBehind(sequence, holder.key);
    if (sequence !== undefined && !written) throw sharedByAlias("the list of images");
    if (sequence !== undefined || holder === undefined || isNullScalar(holder.value)) {
      return { root, holder, sequence, blocks: sequence === undefined ? [] : blocksOf(sequence) };
    }
  }
  throw new ManifestEditError("not-an-image-list", "the file is no list of images", {
    hint: "images.yaml is a YAML list of items with the keys name and dmap",
  });
}

/** What to say when an edit would have to change something that is written once and used in several places. */
export function sharedByAlias(what: string): ManifestEditError {
  return new ManifestEditError(
    "shared-by-alias",
    `${printable(what)} is shared by a YAML alias or merge key`,
    { hint: "write it out in its own place, or edit the file by hand" },
  );
}

function blocksOf(sequence: YamlSequence): ImageBlock[] {
  const blocks: ImageBlock[] = [];
  let behind = sequence.start;
  for (const node of sequence.items) {
    const aliased = node.start < behind;
    if (!aliased) behind = node.end;
    if (node.kind !== "mapping") continue;
    const name = only(node, "name")?.value;
    if (name?.kind !== "scalar") continue;
    const dmap = only(node, "dmap");
    const shared = dmap !== undefined && !(isBehind(dmap.key, node) && isBehind(dmap.value, dmap.key));
    blocks.push({ node, name, dmap, entries: linesOf(dmap), aliased: aliased || shared });
  }
  return blocks;
}

function linesOf(dmap: YamlEntry | undefined): DigestLine[] {
  if (dmap?.value.kind !== "mapping") return [];
  const { start, entries } = dmap.value;
  return entries.map(({ key, value }) => ({
    digest: key.value,
    tags: tagNodes(value).map((tag) => tag.value),
    key,
    value,
    aliased: key.start < start || !isBehind(value, key),
  }));
}

/** All entries of the file as they come. */
export function* entriesOf(images: ImageList): Iterable<DigestLine> {
  for (const block of images.blocks) yield* block.entries;
}

/** The tags of a `dmap` entry that are texts. */
export function tagNodes(value: YamlNode): readonly YamlScalar[] {
  if (value.kind !== "sequence") return [];
  return value.items.filter((item): item is YamlScalar => item.kind === "scalar" && !isNullScalar(item));
}

function isBehind(node: YamlNode, before: YamlNode): boolean {
  return node.start >= (before.kind === "scalar" ? before.end : before.start);
}

function only(mapping: YamlMapping, key: string): YamlEntry | undefined {
  const found = mapping.entries.filter((entry) => entry.key.value === key);
  if (found.length < 2) return found[0];
  throw new ManifestEditError("repeated-key", `the key ${key} stands twice in one place`, {
    hint: "waybill check shows where; mend it first",
  });
}
