import { firstOf, formatPlace } from "../diagnostics/index.ts";
import type { ManifestComparison } from "../edges/index.ts";
import { harmless } from "../errors/index.ts";
import { type ChangeLine, changeLines, countsInWords } from "./lines.ts";
import { remarks } from "./remarks.ts";

/** How much Markdown there may be. */
export interface MarkdownOptions {
  /** Characters; 60,000 when it is left out, which fits into one comment on any forge. */
  readonly longest?: number;
}

/**
 * A comparison as GitHub's Markdown, for a pull request: sums, a table of changes with whole digests, and remarks. Names
 * from outside stand in code spans, where nothing in them is live. What does not fit is left out from the end and
 * counted; moved and removed edges come first.
 */
export function comparisonAsMarkdown(
  comparison: ManifestComparison,
  { longest = 60_000 }: MarkdownOptions = {},
): string {
  const changes = changeLines(comparison);
  const said = remarks(comparison, codeSpan).map((text) => `- ${text}`);
  const sums = `**${countsInWords(comparison)}** edges`;
  if (changes.length === 0)
    return [sums, ...section(fitting(said, longest - sums.length - 100))].join("\n\n");
  const head = ["| change | image | tag | digest | asked for at |", "| --- | --- | --- | --- | --- |"];
  // Remarks are few as a rule: they get a third of the room, and the table what is left.
  const kept = fitting(said, longest / 3);
  const used = [sums, ...head, ...kept].reduce((sum, text) => sum + text.length + 2, 200);
  const rows = fitting(changes.map(rowOf), longest - used);
  const left = changes.length - rows.length;
  const table = [...head, ...rows].join("\n");
  return [
    sums,
    table,
    ...(left === 0 ? [] : [`… and ${left} more changes, which do not fit here`]),
    ...section(kept),
    ...(kept.length === said.length ? [] : [`… and ${said.length - kept.length} more remarks`]),
  ].join("\n\n");
}

function section(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [lines.join("\n")];
}

/** The lines from the beginning that have so many characters together, at most. */
function fitting(lines: readonly string[], characters: number): readonly string[] {
  let used = 0;
  const end = lines.findIndex((line) => {
    used += line.length + 1;
    return used > characters;
  });
  return end < 0 ? lines : lines.slice(0, end);
}

function rowOf({ change, destinations }: ChangeLine): string {
  const { kind, tag, before, after } = change;
  const side = after ?? before;
  const digests = [before, after].flatMap((one) => (one === undefined ? [] : [codeSpan(one.digest)]));
  const sources = [before, after].map((one) => (one?.sources ?? []).map(codeSpan).join(", "));
  const cells = [
    kind === "moved" || kind === "removed" ? `**${kind}**` : kind === "added" ? kind : "source",
    firstOf(destinations.map(codeSpan)),
    tag === null ? "none" : codeSpan(tag),
    kind === "moved"
      ? digests.join(" → ")
      : kind === "source-changed"
        ? `${codeSpan(side?.digest ?? "")} from ${sources.join(" → ")}`
        : (digests[0] ?? ""),
    side === undefined ? "" : codeSpan(formatPlace(side.at)),
  ];
  return `| ${cells.join(" | ")} |`;
}

/**
 * A text as a code span that holds all of it and is not left by it (CommonMark, "Code spans"). A bar is written as its
 * number, since in a table it ends a cell even there (GitHub Flavored Markdown, "Tables").
 */
export function codeSpan(text: string): string {
  const shown = harmless(text).replaceAll("|", "\\u{7c}");
  const runs = Array.from(shown.matchAll(/`+/g), ([run]) => run.length);
  const fence = "`".repeat(Math.max(0, ...runs) + 1);
  const pad = /^[` ]|[` ]$/.test(shown) || shown === "" ? " " : "";
  return `${fence}${pad}${shown}${pad}${fence}`;
}
