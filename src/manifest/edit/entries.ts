import { isNullScalar, type YamlEntry, type YamlMapping } from "../../yaml/index.ts";
import { ManifestEditError } from "./error.ts";
import { type DigestLine, entriesOf, type ImageBlock, type ImageList, sharedByAlias } from "./layout.ts";
import { chooseOrder, entryOrders, type Order, placeIn, type SortableEntry } from "./order.ts";
import { blockStyle, type EntryStyle, entryStyle, formatEntry, formatFlowEntry } from "./style.ts";
import { behindColon, separatorOf } from "./tags.ts";
import { columnOf, insertLines, insertText, lineEnd, lineStart, type TextEdit } from "./text.ts";

export type NewEntry = SortableEntry;

/**
 * Adds digests to an image that is listed already.
 * @throws {ManifestEditError} `shared-by-alias` when the image, or its `dmap`, is written somewhere else.
 */
export function addEntries(
  text: string,
  images: ImageList,
  block: ImageBlock,
  entries: readonly NewEntry[],
): TextEdit[] {
  if (block.aliased) throw sharedByAlias(`the image ${block.name.value}`);
  const { dmap } = block;
  if (dmap === undefined) return addDmap(text, images, block, sorted(images, entries));
  const { value } = dmap;
  if (isNullScalar(value) || (value.kind === "mapping" && value.entries.length === 0)) {
    return fillDmap(text, images, block, dmap, sorted(images, entries));
  }
  if (value.kind !== "mapping") {
    throw new ManifestEditError("unsafe-edit", `the dmap of ${block.name.value} is no mapping`, {
      hint: "waybill check shows where; mend it first",
    });
  }
  const own = block.entries.filter((entry) => isWrittenIn(value, entry));
  if (own.length === 0) throw sharedByAlias(`the dmap of ${block.name.value}`);
  const order = orderOf(images, own);
  const groups = new Map<number, NewEntry[]>();
  for (const entry of sorted(images, entries, order)) {
    const place = placeIn(order, own, entry);
    groups.set(place, [...(groups.get(place) ?? []), entry]);
  }
  return [...groups].map(([place, group]) => {
    const style = entryStyle(text, outwards(own, place), entriesOf(images));
    return value.flow
      ? insertInBraces(text, own, place, group, style)
      : insertBelow(text, own, place, group, style);
  });
}

function isWrittenIn(dmap: YamlMapping, entry: DigestLine): boolean {
  return entry.key.start >= dmap.start && entry.key.start < dmap.end;
}

/** The order of a list of entries, seen in the light of the file's other lists. */
export function orderOf(
  images: ImageList,
  entries: readonly SortableEntry[],
): Order<SortableEntry> | undefined {
  return chooseOrder(
    entryOrders,
    entries,
    images.blocks.map((block) => block.entries),
  );
}

/** New entries in the order in which they would stand alone. */
export function sorted(
  images: ImageList,
  entries: readonly NewEntry[],
  order: Order<SortableEntry> | undefined = orderOf(images, []),
): NewEntry[] {
  const chosen = order ?? entryOrders[0];
  const tagged = entries.filter((entry) => entry.tags.length > 0);
  const tagless = entries.filter((entry) => entry.tags.length === 0);
  return [...tagged.sort((a, b) => chosen?.compare(a, b) ?? 0), ...tagless];
}

/** The entries of a list, the nearest to a place first. */
function* outwards(entries: readonly DigestLine[], place: number): Iterable<DigestLine> {
  for (let distance = 1; distance <= entries.length; distance += 1) {
    const before = entries[place - distance];
    const behind = entries[place + distance - 1];
    if (before !== undefined) yield before;
    if (behind !== undefined) yield behind;
  }
}

function insertBelow(
  text: string,
  own: readonly DigestLine[],
  place: number,
  group: readonly NewEntry[],
  style: EntryStyle,
): TextEdit {
  const before = own[place - 1];
  const behind = own[place];
  const indent = columnOf(text, (before ?? behind)?.key.start ?? 0);
  const lines = group.flatMap((entry) => formatEntry(style, indent, entry.digest, entry.tags));
  if (before !== undefined) return insertLines(text, lineEnd(text, endOf(before)), lines);
  return insertLines(text, aboveComments(text, lineStart(text, behind?.key.start ?? 0)), lines);
}

function endOf(entry: DigestLine): number {
  return entry.aliased ? entry.key.end : Math.max(entry.key.end, entry.value.end);
}

/** The start of the comment lines directly above a line, which speak of that line. */
function aboveComments(text: string, offset: number): number {
  let at = offset;
  while (at > 0) {
    const previous = lineStart(text, at - 1);
    if (!/^[ \t]*#/.test(text.slice(previous, at))) break;
    at = previous;
  }
  return at;
}

function insertInBraces(
  text: string,
  own: readonly DigestLine[],
  place: number,
  group: readonly NewEntry[],
  style: EntryStyle,
): TextEdit {
  const spans = own.map((entry) => ({ start: entry.key.start, end: endOf(entry) }));
  const separator = separatorOf(text, spans) ?? ", ";
  const formatted = formatFlow(style, group, separator);
  const before = spans[place - 1];
  if (before !== undefined) return insertText(before.end, `${separator}${formatted}`);
  return insertText(spans[0]?.start ?? 0, `${formatted}${separator}`);
}

/** Entries as they stand within braces. */
export function formatFlow(style: EntryStyle, entries: readonly NewEntry[], separator = ", "): string {
  return entries.map((entry) => formatFlowEntry(style, entry.digest, entry.tags)).join(separator);
}

function addDmap(
  text: string,
  images: ImageList,
  block: ImageBlock,
  entries: readonly NewEntry[],
): TextEdit[] {
  const style = entryStyle(text, [], entriesOf(images));
  if (block.node.flow) {
    const last = block.node.entries.at(-1)?.value.end ?? block.node.start + 1;
    return [insertText(last, `, dmap: {${formatFlow(style, entries)}}`)];
  }
  const indent = columnOf(text, block.node.start);
  const deeper = indent + blockStyle(text, images.blocks, 0).entryIndent;
  const lines = entries.flatMap((entry) => formatEntry(style, deeper, entry.digest, entry.tags));
  return [insertLines(text, lineEnd(text, block.node.end), [`${" ".repeat(indent)}dmap:`, ...lines])];
}

function fillDmap(
  text: string,
  images: ImageList,
  block: ImageBlock,
  dmap: YamlEntry,
  entries: readonly NewEntry[],
): TextEdit[] {
  const { value } = dmap;
  const style = entryStyle(text, [], entriesOf(images));
  const start = behindColon(text, dmap);
  if (block.node.flow && isNullScalar(value)) {
    return [{ start, end: value.end, text: ` {${formatFlow(style, entries)}}` }];
  }
  const spansLines = value.kind === "mapping" && !/^\{[ \t]*\}$/.test(text.slice(value.start, value.end));
  if (block.node.flow || spansLines) return [insertText(value.start + 1, formatFlow(style, entries))];
  const indent = columnOf(text, dmap.key.start) + blockStyle(text, images.blocks, 0).entryIndent;
  const lines = entries.flatMap((entry) => formatEntry(style, indent, entry.digest, entry.tags));
  const below = insertLines(text, lineEnd(text, value.end), lines);
  return value.end > start ? [{ start, end: value.end, text: "" }, below] : [below];
}
