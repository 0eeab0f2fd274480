import { stripVTControlCharacters } from "node:util";

/** A table for people: columns side by side without lines. @param width What it has to fit; whole when left out. */
export async function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width?: number,
): Promise<string> {
  const { default: Table } = await import("cli-table3");
  const edges = ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left"] as const;
  const inner = [
    "bottom-right",
    "left",
    "left-mid",
    "mid",
    "mid-mid",
    "right",
    "right-mid",
    "middle",
  ] as const;
  const chars = Object.fromEntries([...edges, ...inner].map((name) => [name, ""]));
  const table = new Table({
    head: [...head],
    chars,
    style: { head: [], border: [], "padding-left": 0, "padding-right": gap },
  });
  const widths = width === undefined ? [] : fitted([head, ...rows], width);
  table.push(...rows.map((row) => row.map((cell, column) => shortened(cell, widths[column]))));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Columns between columns. */
const gap = 2;
/** A column is not made narrower: what is left of its texts would say nothing. */
const minColumn = 12;

/** How wide each column may be, so that all of them fit: the widest gives first. */
function fitted(rows: readonly (readonly string[])[], width: number): number[] {
  const count = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(...rows.map((row) => lengthOf(row[column] ?? ""))),
  );
  const room = width - gap * (count - 1);
  for (let over = widths.reduce((sum, each) => sum + each, 0) - room; over > 0; over -= 1) {
    const widest = widths.indexOf(Math.max(...widths));
    const found = widths[widest] ?? 0;
    if (found <= minColumn) break;
    widths[widest] = found - 1;
  }
  return widths;
}

/** A text in so many columns, without its middle: names begin alike, and end with what tells them apart. */
export function shortened(text: string, width: number | undefined): string {
  const characters = [...text];
  if (width === undefined || lengthOf(text) <= width || text.includes(escapeSign)) return text;
  const start = Math.floor((width - 1) / 2);
  return [
    ...characters.slice(0, start),
    "…",
    ...characters.slice(characters.length - (width - 1 - start)),
  ].join("");
}

/** With it begin colors, which take no room. */
const escapeSign = "\u001b";

function lengthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
