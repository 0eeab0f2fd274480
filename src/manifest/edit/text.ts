/** One change of a text: `text` goes where `start` is, and what stood from there to `end` goes away. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What an edit may take away: a value that stands for nothing, with the blanks before it. Nothing else ever goes. */
const placeholder = /^[ \t]*(?:\[[ \t]*\]|\{[ \t]*\}|~|null|Null|NULL)?$/;

/**
 * The text with all edits made. Edits at the same place keep their order. A file without a final newline keeps
 * having none.
 * @throws {Error} when an edit would take away more than a placeholder, or overlaps another: a fault in Waybill.
 */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const ordered = [...edits].sort((a, b) => a.start - b.start);
  const parts: string[] = [];
  let at = 0;
  for (const edit of ordered) {
    if (edit.start < at || !placeholder.test(text.slice(edit.start, edit.end))) {
      throw new Error(`edit of ${edit.start}..${edit.end} would damage the text`);
    }
    parts.push(text.slice(at, edit.start), edit.text);
    at = edit.end;
  }
  parts.push(text.slice(at));
  return parts.join("");
}

/** Offsets, in the edited text, of the edits that wrote into a line that was there, instead of adding lines. */
export function linesEditedWithin(text: string, edits: readonly TextEdit[]): number[] {
  const offsets: number[] = [];
  let shift = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    const addsLines =
      edit.start === edit.end &&
      (edit.start === 0 || text[edit.start - 1] === "\n" || /^\r?\n/.test(edit.text));
    if (!addsLines) offsets.push(edit.start + shift);
    shift += edit.text.length - (edit.end - edit.start);
  }
  return offsets;
}

/** Offset of the first character of the line that `offset` is in. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

/** Offset behind the line that `offset` is in, its line break included. */
export function lineEnd(text: string, offset: number): number {
  const newline = text.indexOf("\n", offset);
  return newline < 0 ? text.length : newline + 1;
}

/** How many characters stand before `offset` on its line. */
export function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset);
}

/** The line break that is used around `offset`: that of the line before it, else the first one of the text. */
export function lineBreakAt(text: string, offset: number): "\n" | "\r\n" {
  const before = text.lastIndexOf("\n", offset - 1);
  const newline = before < 0 ? text.indexOf("\n") : before;
  return newline > 0 && text[newline - 1] === "\r" ? "\r\n" : "\n";
}

/** Adds whole lines at `offset`, which is the start of a line or the end of the text. */
export function insertLines(text: string, offset: number, lines: readonly string[]): TextEdit {
  const lineBreak = lineBreakAt(text, offset);
  const unfinished = offset > 0 && text[offset - 1] !== "\n";
  const joined = lines.join(lineBreak);
  return { start: offset, end: offset, text: unfinished ? `${lineBreak}${joined}` : `${joined}${lineBreak}` };
}

/** Adds text within a line. */
export function insertText(offset: number, text: string): TextEdit {
  return { start: offset, end: offset, text };
}
