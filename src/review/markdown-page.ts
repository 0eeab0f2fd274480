/** A part of a page: its rows may be left out where there is no room, its beginning and end only together with it. */
export interface PageSection {
  /** With its line ends. */
  readonly head: string;
  readonly count: number;
  /** A row with its line end; made only when it may find room. */
  row(at: number): string;
  readonly foot: string;
  /** What a row is, for the line that says how many were left out; its plural takes an `s`. */
  readonly noun: string;
}

/** A section with a row for each item. */
export function sectionOf<Item>(
  items: readonly Item[],
  row: (item: Item) => string,
  { head, foot = "", noun }: { readonly head: string; readonly foot?: string; readonly noun: string },
): PageSection {
  const rowAt = (at: number): string =>
    items
      .slice(at, at + 1)
      .map(row)
      .join("");
  return { head, foot, noun, count: items.length, row: rowAt };
}

/** Characters that saying what was left out may take, in each section and at the end. */
const reserve = 80;

/**
 * Puts a page together that has at most so many characters. What is in front comes first: sections are filled in their
 * order, and a whole row at a time is left out, with a line that says how many.
 */
export function page(first: string, sections: readonly PageSection[], last: string, atMost: number): string {
  let room = atMost - first.length - last.length - reserve;
  let text = first;
  let leftOut = 0;
  for (const { head, count, row, foot, noun } of sections) {
    const frame = head.length + foot.length + reserve;
    const first = frame > room ? "" : row(0);
    if (frame + first.length > room) {
      leftOut += 1;
      continue;
    }
    room -= frame;
    const rows: string[] = [];
    for (let next = first; rows.length < count && next.length <= room; next = row(rows.length)) {
      room -= next.length;
      rows.push(next);
    }
    const missing = count - rows.length;
    const more = missing === 0 ? "" : `\n${missing} more ${missing === 1 ? noun : `${noun}s`} left out\n`;
    text += `${head}${rows.join("")}${more}${foot}`;
  }
  const end = leftOut === 0 ? "" : `\n${leftOut} more ${leftOut === 1 ? "part" : "parts"} left out\n`;
  return `${text}${end}${last}`;
}
