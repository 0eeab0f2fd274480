import { isNullScalar, type YamlEntry, type YamlMapping, type YamlNode } from "../../yaml/index.ts";
import type { ImageList } from "./layout.ts";

/** Something the edited text says and the text before it did not. */
export interface AddedEntry {
  readonly image: string;
  readonly digest: string;
  /** `undefined` for the digest itself. */
  readonly tag: string | undefined;
  /** Offset in the edited text. */
  readonly offset: number;
}

/** The difference between two texts is more than additions of images, digests and tags. */
export class NotOnlyAdded extends Error {}

/**
 * What an edited file says in addition, compared node by node, so that nothing an edit did to the rest of the file
 * can pass unseen. @throws {NotOnlyAdded} when anything else is different.
 */
export function additionsBetween(before: ImageList, after: ImageList): AddedEntry[] {
  compareOutsides(before, after);
  const additions: AddedEntry[] = [];
  const old = before.sequence?.items ?? [];
  let at = 0;
  for (const item of after.sequence?.items ?? []) {
    const counterpart = old[at];
    if (counterpart !== undefined && nameOf(counterpart) === nameOf(item)) {
      compareItems(counterpart, item, additions);
      at += 1;
    } else {
      compareItems(undefined, item, additions);
    }
  }
  if (at < old.length) throw new NotOnlyAdded("an image got lost");
  return additions;
}

function compareOutsides(before: ImageList, after: ImageList): void {
  if (before.root?.kind !== "mapping") return;
  const old = before.root.entries.filter((entry) => entry !== before.holder);
  const now =
    after.root?.kind === "mapping" ? after.root.entries.filter((entry) => entry !== after.holder) : [];
  if (!sameEntries(old, now)) throw new NotOnlyAdded("something beside the images changed");
}

function nameOf(item: YamlNode): string | undefined {
  if (item.kind !== "mapping") return undefined;
  const name = item.entries.find((entry) => entry.key.value === "name")?.value;
  return name?.kind === "scalar" ? name.value : undefined;
}

function compareItems(before: YamlNode | undefined, after: YamlNode, additions: AddedEntry[]): void {
  const image = nameOf(after);
  if (image === undefined || after.kind !== "mapping") {
    if (before === undefined || !same(before, after))
      throw new NotOnlyAdded("an item that is no image changed");
    return;
  }
  const old = before?.kind === "mapping" ? before : undefined;
  const otherKeys = (node: YamlMapping) => node.entries.filter((entry) => entry.key.value !== "dmap");
  if (old === undefined ? otherKeys(after).length !== 1 : !sameEntries(otherKeys(old), otherKeys(after))) {
    throw new NotOnlyAdded("a key of an image changed");
  }
  const oldDmap = old?.entries.find((entry) => entry.key.value === "dmap")?.value;
  const dmap = after.entries.find((entry) => entry.key.value === "dmap")?.value;
  if (dmap?.kind !== "mapping" || !(isNothing(oldDmap) || oldDmap?.kind === "mapping")) {
    if (!sameOrMissing(oldDmap, dmap)) throw new NotOnlyAdded("a dmap changed");
    return;
  }
  const entries = oldDmap?.kind === "mapping" ? oldDmap.entries : [];
  compareEntries(image, entries, dmap.entries, additions);
}

function isNothing(node: YamlNode | undefined): boolean {
  return node === undefined || isNullScalar(node);
}

function sameOrMissing(before: YamlNode | undefined, after: YamlNode | undefined): boolean {
  return before === undefined || after === undefined ? before === after : same(before, after);
}

function compareEntries(
  image: string,
  before: readonly YamlEntry[],
  after: readonly YamlEntry[],
  additions: AddedEntry[],
): void {
  let at = 0;
  for (const entry of after) {
    const counterpart = before[at];
    const digest = entry.key.value;
    if (counterpart?.key.value === digest) {
      compareTags(image, digest, counterpart.value, entry.value, additions);
      at += 1;
    } else {
      additions.push({ image, digest, tag: undefined, offset: entry.key.start });
      compareTags(image, digest, undefined, entry.value, additions);
    }
  }
  if (at < before.length) throw new NotOnlyAdded("a digest got lost");
}

function compareTags(
  image: string,
  digest: string,
  before: YamlNode | undefined,
  after: YamlNode,
  additions: AddedEntry[],
): void {
  if (after.kind !== "sequence" || !(isNothing(before) || before?.kind === "sequence")) {
    if (!sameOrMissing(before, after)) throw new NotOnlyAdded("a list of tags changed");
    return;
  }
  const old = before?.kind === "sequence" ? before.items : [];
  let at = 0;
  for (const tag of after.items) {
    const counterpart = old[at];
    if (counterpart !== undefined && same(counterpart, tag)) at += 1;
    else if (tag.kind !== "scalar") throw new NotOnlyAdded("a tag became something else");
    else additions.push({ image, digest, tag: tag.value, offset: tag.start });
  }
  if (at < old.length) throw new NotOnlyAdded("a tag got lost");
}

function same(a: YamlNode, b: YamlNode): boolean {
  if (a.kind === "scalar") return b.kind === "scalar" && a.value === b.value && a.style === b.style;
  if (a.kind === "mapping") return b.kind === "mapping" && sameEntries(a.entries, b.entries);
  if (b.kind !== "sequence" || a.items.length !== b.items.length) return false;
  return a.items.every((item, at) => same(item, b.items[at] as YamlNode));
}

function sameEntries(a: readonly YamlEntry[], b: readonly YamlEntry[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((entry, at) => {
    const other = b[at] as YamlEntry;
    return entry.key.value === other.key.value && same(entry.value, other.value);
  });
}
