/** A part of a page: its rows may be left out where there is no room, its beginning and end only together with it. */
export interface Section {
  /** With its line ends. */
  readonly head: string;
  /** Each with its line end. */
  readonly rows: readonly string[];
  readonly foot: string;
  /** What a row is, for the line that says how many were left out; its plural takes an `s`. */
  readonly noun: string;
}

/** Characters that saying what was left out may take, in each section and at the end. */
const reserve = 80;

/**
 * Puts a page together that has at most so many characters. What is in front comes first: sections are filled in their
 * order, and a whole row at a time is left out, with a line that says how many.
 */
export function page(first: string, sections: readonly Section[], last: string, atMost: number): string {
  let room = atMost - first.length - last.length - reserve;
  let text = first;
  let leftOut = 0;
  for (const { head, rows, foot, noun } of sections) {
    const frame = head.length + foot.length + reserve;
    if (frame + (rows[0]?.length ?? 0) > room) {
      leftOut += 1;
      continue;
    }
    room -= frame;
    let count = 0;
    while (count < rows.length && (rows[count] ?? "").length <= room) {
      room -= (rows[count] ?? "").length;
      count += 1;
    }
    const missing = rows.length - count;
    const more = missing === 0 ? "" : `\n${missing} more ${missing === 1 ? noun : `${noun}s`} left out\n`;
    text += `${head}${rows.slice(0, count).join("")}${more}${foot}`;
  }
  const end = leftOut === 0 ? "" : `\n${leftOut} more ${leftOut === 1 ? "part" : "parts"} left out\n`;
  return `${text}${end}${last}`;
}
