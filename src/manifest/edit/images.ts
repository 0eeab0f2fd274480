import type { YamlNode, YamlSequence } from "../../yaml/index.ts";
import { formatFlow, type NewEntry, sorted } from "./entries.ts";
import { ManifestEditError } from "./error.ts";
import { type DigestLine, entriesOf, type ImageBlock, type ImageList, sharedByAlias } from "./layout.ts";
import { chooseOrder, compareBytes, compareNaturally, nameOrders, placeIn } from "./order.ts";
import {
  type BlockStyle,
  blockStyle,
  emptyLinesBetween,
  entryStyle,
  formatEntry,
  mostFrequent,
  quote,
} from "./style.ts";
import { behindColon, separatorOf } from "./tags.ts";
import { columnOf, insertLines, insertText, lineEnd, lineStart, type TextEdit } from "./text.ts";

/** An image that gets a new item in the list of images. */
export interface NewImage {
  readonly name: string;
  readonly entries: readonly NewEntry[];
  /** Its earlier items hold one digest each: the new one goes to the end, as they did. */
  readonly repeated: boolean;
}

/** Adds items to the list of images, or writes the list where there is none yet. */
export function addImages(text: string, images: ImageList, added: readonly NewImage[]): TextEdit[] {
  if (added.length === 0) return [];
  const ordered = [...added].sort((a, b) => compareBytes(a.name, b.name));
  const { sequence } = images;
  if (sequence === undefined) return firstList(text, images, ordered);
  if (sequence.flow) return addToFlow(text, images, sequence, ordered);
  return addToBlock(text, images, ordered);
}

function firstList(text: string, images: ImageList, added: readonly NewImage[]): TextEdit[] {
  const { root, holder } = images;
  if (root?.kind !== "mapping") {
    const lines = formatList(text, images, added, 0);
    if (root === undefined) return [insertLines(text, text.length, lines)];
    return [insteadOf(text, root, lines)];
  }
  if (root.flow) throw unsafe("the manifest is written in braces and has no images yet");
  const registries = root.entries.find((entry) => entry.key.value === "registries")?.value;
  const inLines = registries?.kind === "sequence" && !registries.flow;
  const lines = formatList(text, images, added, inLines ? columnOf(text, registries.start) : 0);
  if (holder === undefined) return [insertLines(text, lineEnd(text, root.end), ["images:", ...lines])];
  return belowHolder(text, images, lines);
}

/** Replaces a document that is nothing but an empty list or null. */
function insteadOf(text: string, { start, end }: YamlNode, lines: readonly string[]): TextEdit {
  return { start, end, text: insertLines(text, start, lines).text.trimEnd() };
}

function unsafe(message: string): ManifestEditError {
  return new ManifestEditError("unsafe-edit", message, { hint: "edit the file by hand" });
}

/** Replaces the nothing that `images:` has by lines below it. */
function belowHolder(text: string, images: ImageList, lines: readonly string[]): TextEdit[] {
  const { holder } = images;
  if (holder === undefined) throw unsafe("the manifest has no images");
  const start = behindColon(text, holder);
  const { end } = holder.value;
  const below = insertLines(text, lineEnd(text, end), lines);
  return end > start ? [{ start, end, text: "" }, below] : [below];
}

function addToFlow(
  text: string,
  images: ImageList,
  sequence: YamlSequence,
  added: readonly NewImage[],
): TextEdit[] {
  const isBare = /^\[[ \t]*\]$/.test(text.slice(sequence.start, sequence.end));
  if (isBare && images.holder !== undefined && images.root?.kind === "mapping" && !images.root.flow) {
    return belowHolder(text, images, formatList(text, images, added, 0));
  }
  if (isBare && images.holder === undefined) {
    return [insteadOf(text, sequence, formatList(text, images, added, 0))];
  }
  const style = entryStyle(text, [], entriesOf(images));
  const keyQuote = images.blocks[0]?.node.entries[0]?.key.style === "double" ? "double" : "plain";
  const separator = separatorOf(text, sequence.items) ?? ", ";
  const last = sequence.items.at(-1);
  const formatted = added.map((image) => {
    const name = `${quote("name", keyQuote)}: ${quote(image.name, keyQuote)}`;
    return `{${name}, ${quote("dmap", keyQuote)}: {${formatFlow(style, sorted(images, image.entries))}}}`;
  });
  if (last === undefined) return [insertText(sequence.start + 1, formatted.join(separator))];
  if (last.start < sequence.start) throw sharedByAlias("the last image of the list");
  return [insertText(last.end, `${separator}${formatted.join(separator)}`)];
}

function addToBlock(text: string, images: ImageList, added: readonly NewImage[]): TextEdit[] {
  const { blocks } = images;
  const names = blocks.map((block) => block.name.value);
  const order = chooseOrder(nameOrders, names, []);
  const style = blockStyle(text, blocks, columnOf(text, images.sequence?.start ?? 0));
  const groups = new Map<number, NewImage[]>();
  for (const image of added.filter((each) => !each.repeated)) {
    const place = placeIn(order, names, image.name);
    groups.set(place, [...(groups.get(place) ?? []), image]);
  }
  const apart = emptyLines(style.emptyLines);
  const edits = [...groups].map(([place, group]) => {
    const formatted = group.map((image) => formatImage(text, images, image, style, place));
    if (place > 0) {
      const lines = formatted.flatMap((each) => [...apart, ...each]);
      return insertLines(text, behindBlock(text, blocks[place - 1], style.indent), lines);
    }
    const lines = formatted.flatMap((each) => [...each, ...apart]);
    return insertLines(text, lineStart(text, blocks[0]?.node.start ?? text.length), lines);
  });
  const releases = added.filter((each) => each.repeated);
  return releases.length === 0 ? edits : [...edits, addReleases(text, images, releases, style)];
}

/** Adds blocks of one digest each at the end of a list that grows by whole releases. */
function addReleases(
  text: string,
  images: ImageList,
  added: readonly NewImage[],
  style: BlockStyle,
): TextEdit {
  const { blocks } = images;
  const section = emptyLines(mostFrequent(emptyLinesBetween(text, blocks).filter((count) => count > 0)) ?? 0);
  const release = (image: NewImage) => image.entries[0]?.tags[0] ?? "";
  const ordered = [...added].sort(
    (a, b) => compareNaturally(release(a), release(b), true) || compareBytes(a.name, b.name),
  );
  const lines = ordered.flatMap((image, at) => {
    const previous = ordered[at - 1];
    const starts = previous === undefined || release(previous) !== release(image);
    return [...(starts ? section : []), ...formatImage(text, images, image, style, blocks.length)];
  });
  return insertLines(text, behindBlock(text, blocks.at(-1), style.indent), lines);
}

function emptyLines(count: number): string[] {
  return new Array<string>(count).fill("");
}

/** Behind a block and the comments that stand deeper than its dash, which belong to it. */
function behindBlock(text: string, block: ImageBlock | undefined, indent: number): number {
  if (block === undefined) return text.length;
  if (block.aliased) throw sharedByAlias(`the image ${block.name.value}`);
  let at = lineEnd(text, block.node.end);
  while (at < text.length) {
    const end = lineEnd(text, at);
    const comment = /^( *)#/.exec(text.slice(at, end));
    if (comment === null || (comment[1]?.length ?? 0) <= indent) break;
    at = end;
  }
  return at;
}

function formatList(text: string, images: ImageList, added: readonly NewImage[], indent: number): string[] {
  const style = blockStyle(text, images.blocks, indent);
  return added.flatMap((image) => formatImage(text, images, image, style, 0));
}

function formatImage(
  text: string,
  images: ImageList,
  image: NewImage,
  style: BlockStyle,
  place: number,
): string[] {
  const { indent, keyIndent, entryIndent, nameQuote } = style;
  const entries = entryStyle(text, upwards(images.blocks, place), entriesOf(images));
  const column = indent + keyIndent;
  return [
    `${" ".repeat(indent)}-${" ".repeat(keyIndent - 1)}name: ${quote(image.name, nameQuote)}`,
    `${" ".repeat(column)}dmap:`,
    ...sorted(images, image.entries).flatMap((entry) =>
      formatEntry(entries, column + entryIndent, entry.digest, entry.tags),
    ),
  ];
}

/** The entries of the blocks above a place, the nearest first. */
function* upwards(blocks: readonly ImageBlock[], place: number): Iterable<DigestLine> {
  for (let at = place - 1; at >= 0; at -= 1) yield* [...(blocks[at]?.entries ?? [])].reverse();
}
