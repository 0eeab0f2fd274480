import type { YamlScalar } from "../../yaml/index.ts";
import type { DigestLine, ImageBlock } from "./layout.ts";
import { columnOf, lineEnd, lineStart } from "./text.ts";

type Quote = "plain" | "single" | "double";

/** How the entries of a `dmap` are written in a file. */
export interface EntryStyle {
  readonly keyQuote: Quote;
  readonly tagQuote: Quote;
  /** Tags in brackets on the line of the digest, or below it on lines of their own. */
  readonly list: "flow" | "block";
  /** Between the colon and the bracket. */
  readonly gap: string;
  /** Inside the brackets, before the first and behind the last tag. */
  readonly padding: readonly [string, string];
  /** Between two tags, comma included. */
  readonly separator: string;
  /** How much deeper than the digest the dashes of a list stand. */
  readonly dashIndent: number;
}

/** The writers of the incumbents separate tags by comma and space; most hands do too. */
const usualStyle: EntryStyle = {
  keyQuote: "double",
  tagQuote: "double",
  list: "flow",
  gap: " ",
  padding: ["", ""],
  separator: ", ",
  dashIndent: 0,
};

/**
 * The style of new entries beside `near`: each trait is taken from the nearest entry that shows it, then from the
 * rest of the file, then as is usual.
 */
export function entryStyle(
  text: string,
  near: Iterable<DigestLine>,
  others: Iterable<DigestLine>,
): EntryStyle {
  let style: Partial<EntryStyle> = {};
  for (const entries of [near, others]) {
    for (const entry of entries) {
      if (entry.aliased || (style.list === "flow" && entry.tags.length < 2)) continue;
      style = { ...traits(text, entry, style.list), ...style };
      if (isComplete(style)) return { ...usualStyle, ...style };
    }
  }
  return { ...usualStyle, ...style };
}

function isComplete(style: Partial<EntryStyle>): boolean {
  return style.list === "block" || (style.list === "flow" && style.separator !== undefined);
}

/** What one entry shows; brackets say nothing in a file that has been seen to use lines, and the other way round. */
function traits(text: string, entry: DigestLine, list: EntryStyle["list"] | undefined): Partial<EntryStyle> {
  const key = { keyQuote: quoteOf(entry.key) };
  const { value } = entry;
  const [first, second] = value.kind === "sequence" ? value.items : [];
  if (value.kind !== "sequence" || first === undefined || first.kind !== "scalar") return key;
  if (list !== undefined && (list === "flow") !== value.flow) return key;
  const tags = { ...key, tagQuote: quoteOf(first) };
  if (!value.flow) {
    const dash = text.lastIndexOf("-", first.start - 1);
    return {
      ...tags,
      list: "block",
      dashIndent: Math.max(0, columnOf(text, dash) - columnOf(text, entry.key.start)),
    };
  }
  const last = value.items.at(-1) ?? first;
  const between = second === undefined ? undefined : text.slice(first.end, second.start);
  return {
    ...tags,
    list: "flow",
    gap: blanks(text.slice(entry.key.end, value.start).replace(":", "")) ?? " ",
    padding: [
      blanks(text.slice(value.start + 1, first.start)) ?? "",
      blanks(text.slice(last.end, value.end - 1)) ?? "",
    ],
    ...(between !== undefined && /^ *, *$/.test(between) ? { separator: between } : {}),
  };
}

function blanks(text: string): string | undefined {
  return /^ *$/.test(text) ? text : undefined;
}

function quoteOf(scalar: YamlScalar): Quote {
  return scalar.style === "block" ? "double" : scalar.style;
}

/** The lines of one entry, with its indentation. */
export function formatEntry(
  style: EntryStyle,
  indent: number,
  digest: string,
  tags: readonly string[],
): string[] {
  const key = `${" ".repeat(indent)}${quote(digest, style.keyQuote)}:`;
  if (style.list === "flow" || tags.length === 0) return [`${key}${style.gap}${formatTags(style, tags)}`];
  return [key, ...tags.map((tag) => formatDash(style, indent + style.dashIndent, tag))];
}

/** Tags in brackets. */
export function formatTags(style: EntryStyle, tags: readonly string[]): string {
  if (tags.length === 0) return "[]";
  const [open, close] = style.padding;
  return `[${open}${tags.map((tag) => quote(tag, style.tagQuote)).join(style.separator)}${close}]`;
}

/** One tag on a line of its own. */
export function formatDash(style: EntryStyle, indent: number, tag: string): string {
  return `${" ".repeat(indent)}- ${quote(tag, style.tagQuote)}`;
}

/** An entry within braces, whose digest is always quoted there. */
export function formatFlowEntry(style: EntryStyle, digest: string, tags: readonly string[]): string {
  const keyQuote = style.keyQuote === "plain" ? "double" : style.keyQuote;
  return `${quote(digest, keyQuote)}: ${formatTags({ ...style, list: "flow" }, tags)}`;
}

/** Tags and names have no character that quotes would have to escape. */
export function quote(text: string, style: Quote): string {
  if (style === "single") return `'${text}'`;
  return style === "double" || isMisreadable(text) ? `"${text}"` : text;
}

const words = /^(?:y|n|yes|no|on|off|true|false|null)$/i;
const numberLike = /^[-+]?[0-9.][-+0-9_.:a-fox]*$/i;
const threeNumbers = /^\d+\.\d+\.\d+/;

/**
 * Whether some YAML reader would take the bare text for a boolean, null, number or date (YAML 1.1 and 1.2 core
 * schema), as `1.10` becomes 1.1 in most of them. Rather too careful than too little.
 */
function isMisreadable(text: string): boolean {
  return words.test(text) || (numberLike.test(text) && !threeNumbers.test(text));
}

export interface BlockStyle {
  /** Before the dash. */
  readonly indent: number;
  /** Between the dash's place and the key `name`. */
  readonly keyIndent: number;
  /** Between the place of the key `dmap` and its entries. */
  readonly entryIndent: number;
  readonly nameQuote: Quote;
  /** Empty lines before an image. */
  readonly emptyLines: number;
}

/** The style of a new image: that of the last block that shows one. */
export function blockStyle(text: string, blocks: readonly ImageBlock[], indent: number): BlockStyle {
  const usual: BlockStyle = { indent, keyIndent: 2, entryIndent: 2, nameQuote: "plain", emptyLines: 0 };
  const written = blocks.filter((block) => !block.aliased && !block.node.flow);
  const sample = written.findLast((block) => block.entries.some((entry) => !entry.aliased)) ?? written.at(-1);
  if (sample === undefined) return usual;
  const keyColumn = columnOf(text, sample.node.start);
  const dash = text.slice(lineStart(text, sample.node.start), sample.node.start).lastIndexOf("-");
  const entry = sample.entries.find((candidate) => !candidate.aliased);
  const dmap = sample.dmap?.value;
  const inBlock = entry !== undefined && dmap?.kind === "mapping" && !dmap.flow;
  return {
    indent: dash < 0 ? indent : dash,
    keyIndent: dash < 0 ? 2 : keyColumn - dash,
    entryIndent: inBlock ? columnOf(text, entry.key.start) - keyColumn : 2,
    nameQuote: quoteOf(sample.name),
    emptyLines: mostFrequent(emptyLinesBetween(text, written)) ?? 0,
  };
}

/** How many empty lines stand between each two neighboring blocks. */
export function emptyLinesBetween(text: string, blocks: readonly ImageBlock[]): number[] {
  return blocks.slice(1).map((block, at) => {
    const end = blocks[at]?.node.end ?? block.node.start;
    const between = text.slice(lineEnd(text, end), lineStart(text, block.node.start));
    return between.match(/^[ \t]*\r?\n/gm)?.length ?? 0;
  });
}

export function mostFrequent(counts: readonly number[]): number | undefined {
  const tally = new Map<number, number>();
  for (const count of counts) tally.set(count, (tally.get(count) ?? 0) + 1);
  return [...tally].sort((a, b) => b[1] - a[1])[0]?.[0];
}
