import { firstOf, formatPlace } from "../diagnostics/index.ts";
import type { EdgeChangeKind, ManifestComparison } from "../edges/index.ts";
import { harmless } from "../errors/index.ts";
import { type ChangeLine, changeLines, countsInWords } from "./lines.ts";
import { remarks } from "./remarks.ts";

/** How a comparison is printed. */
export interface TextOptions {
  /** All mirrors, changes and remarks, however many there are. */
  readonly everything?: boolean;
  /** Colors, by what became of an edge. */
  readonly paint?: (kind: EdgeChangeKind, text: string) => string;
}

/** Changes, and remarks, that are shown unless all of them are wanted. */
const most = 100;

const signs: Readonly<Record<EdgeChangeKind, string>> = {
  moved: "moved  ",
  removed: "removed",
  "source-changed": "source ",
  added: "added  ",
};

/**
 * A comparison for people on a terminal: a line for each change, mirrors together, sums at the end. Names from outside
 * hold no control characters in it.
 */
export function comparisonAsText(comparison: ManifestComparison, options: TextOptions = {}): string {
  const { everything = false, paint = (_, text) => text } = options;
  const lines = changeLines(comparison).map((line) => {
    const words = `${paint(line.change.kind, signs[line.change.kind])} ${wordsOf(line)}`;
    if (!everything || line.destinations.length === 1) return words;
    return [words, ...line.destinations.map((name) => `          ${name}`)].join("\n");
  });
  const said = remarks(comparison, harmless);
  return [
    ...cut(lines, everything, "changes"),
    ...cut(said, everything, "remarks"),
    countsInWords(comparison),
  ].join("\n");
}

function cut(lines: readonly string[], everything: boolean, what: string): readonly string[] {
  if (everything || lines.length <= most) return lines;
  return [...lines.slice(0, most), `… and ${lines.length - most} more ${what}; --verbose shows all`];
}

function wordsOf({ change, destinations }: ChangeLine): string {
  const { kind, tag, before, after } = change;
  const side = after ?? before;
  const what = firstOf(destinations.map((name) => (tag === null ? name : `${name}:${tag}`)));
  const place = side === undefined ? "" : ` (${harmless(formatPlace(side.at))})`;
  if (kind === "moved") return `${what}  ${shortened(before?.digest)} → ${shortened(after?.digest)}${place}`;
  if (kind === "source-changed") {
    return `${what}  from ${after?.sources.join(", ")}, before from ${before?.sources.join(", ")}${place}`;
  }
  return `${what}  ${shortened(side?.digest)}${place}`;
}

/** Enough of a digest to tell it from others by eye. */
function shortened(digest = ""): string {
  return digest.slice(0, digest.indexOf(":") + 13);
}
