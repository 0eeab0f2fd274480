import type { StoredRun } from "../model.ts";
import { OutlineReader } from "./outline.ts";

/** Where a line begins. */
export interface LineMark {
  readonly line: number;
  readonly offset: number;
}

/** What is known of a log: enough marks to come to any line within a megabyte, however long or short its lines are. */
export interface LogIndex {
  readonly marks: LineMark[];
  readonly outline: OutlineReader;
  /** Bytes that were looked through, and the lines that end in them. */
  scanned: number;
  ended: number;
  /** Where the line begins that has not ended. */
  open: number;
  growing: Promise<void> | undefined;
}

const newline = 10;
const markEvery = { lines: 1000, bytes: 64 * 1024, mostBytes: 1024 * 1024 };

export function newLogIndex(): LogIndex {
  return {
    marks: [{ line: 1, offset: 0 }],
    outline: new OutlineReader(),
    ...{ scanned: 0, ended: 0, open: 0, growing: undefined },
  };
}

/** Lines that a log has by what is known of it. */
export function totalOf(index: LogIndex): number {
  return index.ended + (index.scanned > index.open ? 1 : 0);
}

/** Looks through what was written since the last look. */
export async function growIndex(index: LogIndex, stored: Pick<StoredRun, "log">): Promise<void> {
  for await (const piece of stored.log(index.scanned)) {
    for (let at = piece.indexOf(newline); at !== -1; at = piece.indexOf(newline, at + 1)) {
      index.ended++;
      index.open = index.scanned + at + 1;
      const last = index.marks.at(-1) as LineMark;
      const [lines, bytes] = [index.ended + 1 - last.line, index.open - last.offset];
      if (bytes >= markEvery.mostBytes || (lines >= markEvery.lines && bytes >= markEvery.bytes)) {
        index.marks.push({ line: index.ended + 1, offset: index.open });
      }
    }
    index.outline.add(piece);
    index.scanned += piece.length;
  }
}

/** The last mark that is not behind a line. */
export function markBefore(marks: readonly LineMark[], line: number): LineMark | undefined {
  let [low, high] = [0, marks.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((marks[middle] as LineMark).line <= line) low = middle;
    else high = middle - 1;
  }
  return marks[low];
}
