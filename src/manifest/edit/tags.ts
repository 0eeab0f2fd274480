import { printable } from "../../diagnostics/index.ts";
import { isNullScalar, type YamlSequence } from "../../yaml/index.ts";
import { ManifestEditError } from "./error.ts";
import { type DigestLine, entriesOf, type ImageList, sharedByAlias } from "./layout.ts";
import { chooseOrder, compareBytes, type Order, placeIn, tagOrders } from "./order.ts";
import { type EntryStyle, entryStyle, formatDash, formatTags, quote } from "./style.ts";
import { columnOf, insertLines, insertText, lineEnd, lineStart, type TextEdit } from "./text.ts";

/**
 * Adds tags to a digest that is listed already: within its brackets, or as lines below it.
 * @param flow whether the entry stands within braces, where nothing can have a line of its own.
 */
export function addTags(
  text: string,
  images: ImageList,
  entry: DigestLine,
  tags: readonly string[],
  flow: boolean,
): TextEdit[] {
  const { value } = entry;
  if (entry.aliased) throw sharedByAlias(`the list of tags of ${entry.digest}`);
  const style = entryStyle(text, [entry], entriesOf(images));
  if (isNullScalar(value)) return fillEmpty(text, entry, tags, flow ? { ...style, list: "flow" } : style);
  if (value.kind !== "sequence") {
    throw new ManifestEditError("unsafe-edit", `the tags of ${entry.digest} are no list`, {
      hint: "waybill check shows where; mend it first",
    });
  }
  if (value.items.some((item) => item.start < value.start)) {
    throw sharedByAlias(`a tag of ${entry.digest}`);
  }
  if (value.items.length === 0) return [fillBrackets(text, value, tags, style)];
  const groups = placed(images, value, tags);
  return value.flow ? betweenBrackets(text, value, groups, style) : onLines(text, value, groups, style);
}

/** Tags by the index at which they go into a list. */
function placed(images: ImageList, list: YamlSequence, tags: readonly string[]): Map<number, string[]> {
  const written = list.items.map((item) => (item.kind === "scalar" ? item.value : ""));
  const others = [...entriesOf(images)].map((entry) => entry.tags).filter((each) => each.length > 1);
  const order: Order<string> | undefined = chooseOrder(tagOrders, written, others);
  const compare = order ?? tagOrders[0];
  const groups = new Map<number, string[]>();
  for (const tag of [...tags].sort((a, b) => compare?.compare(a, b) ?? compareBytes(a, b))) {
    const place = placeIn(order, written, tag);
    groups.set(place, [...(groups.get(place) ?? []), tag]);
  }
  return groups;
}

/** Gives a digest without a value its first tags. */
function fillEmpty(text: string, entry: DigestLine, tags: readonly string[], style: EntryStyle): TextEdit[] {
  const start = behindColon(text, entry);
  const { end } = entry.value;
  if (style.list === "flow") return [{ start, end, text: `${style.gap}${formatTags(style, tags)}` }];
  const indent = columnOf(text, entry.key.start) + style.dashIndent;
  const lines = tags.map((tag) => formatDash(style, indent, tag));
  const below = insertLines(text, lineEnd(text, end), lines);
  return end > start ? [{ start, end, text: "" }, below] : [below];
}

/** Where the colon of an entry ends. Whatever stands between it and the value must be blank. */
export function behindColon(text: string, entry: Pick<DigestLine, "key" | "value">): number {
  const colon = /[ \t]*:/y;
  colon.lastIndex = entry.key.end;
  if (colon.test(text) && text.slice(colon.lastIndex, entry.value.start).trim() === "")
    return colon.lastIndex;
  throw new ManifestEditError(
    "unsafe-edit",
    `the value of ${printable(entry.key.value)} has a YAML tag or anchor`,
    { hint: "remove it, or edit the file by hand" },
  );
}

function fillBrackets(
  text: string,
  list: YamlSequence,
  tags: readonly string[],
  style: EntryStyle,
): TextEdit {
  const written = text.slice(list.start, list.end);
  if (/^\[[ \t]*\]$/.test(written)) {
    return { start: list.start, end: list.end, text: formatTags(style, tags) };
  }
  return insertText(list.start + 1, formatTags({ ...style, padding: ["", ""] }, tags).slice(1, -1));
}

function betweenBrackets(
  text: string,
  list: YamlSequence,
  groups: ReadonlyMap<number, readonly string[]>,
  style: EntryStyle,
): TextEdit[] {
  const separator = separatorOf(text, list.items) ?? style.separator;
  return [...groups].map(([place, tags]) => {
    const formatted = tags.map((tag) => quote(tag, style.tagQuote)).join(separator);
    const before = list.items[place - 1];
    if (before !== undefined) return insertText(before.end, `${separator}${formatted}`);
    return insertText(list.items[0]?.start ?? list.start + 1, `${formatted}${separator}`);
  });
}

/** What stands between the first two items: a comma with blanks or line breaks, if nothing else does. */
export function separatorOf(
  text: string,
  items: readonly { readonly start: number; readonly end: number }[],
): string | undefined {
  const [first, second] = items;
  if (first === undefined || second === undefined) return undefined;
  const between = text.slice(first.end, second.start);
  return /^\s*,\s*$/.test(between) ? between : undefined;
}

function onLines(
  text: string,
  list: YamlSequence,
  groups: ReadonlyMap<number, readonly string[]>,
  style: EntryStyle,
): TextEdit[] {
  const indent = columnOf(text, list.start);
  return [...groups].map(([place, tags]) => {
    const lines = tags.map((tag) => formatDash(style, indent, tag));
    const before = list.items[place - 1];
    const offset = before === undefined ? lineStart(text, list.start) : lineEnd(text, before.end);
    return insertLines(text, offset, lines);
  });
}
