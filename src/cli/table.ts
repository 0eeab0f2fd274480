import { stripVTControlCharacters } from "node:util";

/** A table for people: columns side by side without lines. @param width What it has to fit; whole when left out. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width?: number,
): string {
  const lines = [head, ...rows];
  const own = widthsOf(lines);
  const widths = width === undefined ? own : fitted(own, width);
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => {
          const text = shortened(cell, widths[column]);
          return `${text}${" ".repeat(Math.max(0, (widths[column] ?? 0) - lengthOf(text)) + gap)}`;
        })
        .join("")
        .trimEnd(),
    )
    .join("\n");
}

/** Columns between columns. */
const gap = 2;
/** A column is not made narrower: what is left of its texts would say nothing. */
const minColumn = 12;

function widthsOf(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, lengthOf(cell));
  }
  return widths;
}

/** How wide each column may be, so that all of them fit: the widest gives first. */
function fitted(own: readonly number[], width: number): number[] {
  const widths = [...own];
  const room = width - gap * (widths.length - 1);
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
