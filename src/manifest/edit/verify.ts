import { isNullScalar, type YamlMapping, type YamlNode } from "../../yaml/index.ts";
import type { ImageList } from "./layout.ts";

export interface AddedEntry {
  readonly image: string;
  readonly digest: string;
  /** `undefined` for the digest itself. */
  readonly tag: string | undefined;
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
  walk("an image", before.sequence?.items, after.sequence?.items, {
    isSame: (old, item) => nameOf(old) === nameOf(item),
    each: (old, item) => compareItems(old, item, additions),
  });
  return additions;
}

/** Takes what two lists have in common together, in order. @throws {NotOnlyAdded} when the second lacks anything. */
function walk<Item>(
  what: string,
  before: readonly Item[] = [],
  after: readonly Item[] = [],
  { isSame, each }: { isSame(old: Item, item: Item): boolean; each(old: Item | undefined, item: Item): void },
): void {
  let at = 0;
  for (const item of after) {
    const next = before[at];
    const old = next !== undefined && isSame(next, item) ? next : undefined;
    if (old !== undefined) at += 1;
    each(old, item);
  }
  if (at < before.length) throw new NotOnlyAdded(`${what} got lost`);
}

function compareOutsides(before: ImageList, after: ImageList): void {
  if (before.root?.kind !== "mapping") return;
  const old = before.root.entries.filter((entry) => entry !== before.holder);
  const now =
    after.root?.kind === "mapping" ? after.root.entries.filter((entry) => entry !== after.holder) : [];
  if (said(old) !== said(now)) throw new NotOnlyAdded("something beside the images changed");
}

function nameOf(item: YamlNode): string | undefined {
  if (item.kind !== "mapping") return undefined;
  const name = item.entries.find((entry) => entry.key.value === "name")?.value;
  return name?.kind === "scalar" ? name.value : undefined;
}

function compareItems(before: YamlNode | undefined, after: YamlNode, additions: AddedEntry[]): void {
  const image = nameOf(after);
  if (image === undefined || after.kind !== "mapping") {
    if (!isSame(before, after)) throw new NotOnlyAdded("an item that is no image changed");
    return;
  }
  const old = before?.kind === "mapping" ? before : undefined;
  const otherKeys = (node: YamlMapping) => node.entries.filter((entry) => entry.key.value !== "dmap");
  const [others, then] = [otherKeys(after), old && otherKeys(old)];
  if (then === undefined ? others.length !== 1 : said(then) !== said(others)) {
    throw new NotOnlyAdded("a key of an image changed");
  }
  const [oldDmap, dmap] = [old, after].map(
    (node) => node?.entries.find((entry) => entry.key.value === "dmap")?.value,
  );
  if (dmap?.kind !== "mapping" || !(isNothing(oldDmap) || oldDmap?.kind === "mapping")) {
    if (!isSame(oldDmap, dmap)) throw new NotOnlyAdded("a dmap changed");
    return;
  }
  walk("a digest", oldDmap?.kind === "mapping" ? oldDmap.entries : [], dmap.entries, {
    isSame: (one, other) => one.key.value === other.key.value,
    each(old, { key: { value: digest }, value }) {
      if (old === undefined) additions.push({ image, digest, tag: undefined });
      compareTags(old?.value, value, (tag) => additions.push({ image, digest, tag }));
    },
  });
}

function isNothing(node: YamlNode | undefined): boolean {
  return node === undefined || isNullScalar(node);
}

function compareTags(before: YamlNode | undefined, after: YamlNode, add: (tag: string) => void): void {
  if (after.kind !== "sequence" || !(isNothing(before) || before?.kind === "sequence")) {
    if (!isSame(before, after)) throw new NotOnlyAdded("a list of tags changed");
    return;
  }
  walk<YamlNode>("a tag", before?.kind === "sequence" ? before.items : [], after.items, {
    isSame,
    each(old, tag) {
      if (old !== undefined) return;
      if (tag.kind !== "scalar") throw new NotOnlyAdded("a tag became something else");
      add(tag.value);
    },
  });
}

function isSame(one: YamlNode | undefined, other: YamlNode | undefined): boolean {
  if (one?.kind !== "scalar" || other?.kind !== "scalar") return said(one) === said(other);
  return one.value === other.value && one.style === other.style;
}

/** What nodes say, and not where, nor whether in brackets or in lines. */
function said(nodes: unknown): string | undefined {
  const isForm = (key: string): boolean => key === "start" || key === "end" || key === "flow";
  return JSON.stringify(nodes, (key, value) => (isForm(key) ? undefined : value));
}
