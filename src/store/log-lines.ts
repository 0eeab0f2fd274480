import pLimit from "p-limit";
import type { StoredRun } from "./model.ts";

/** A line of a log. */
export interface LogLine {
  /** From 1 on. */
  readonly number: number;
  /** What is no UTF-8 is replaced. */
  readonly text: string;
  /** Bytes of it that are left out, because it is longer than is shown. */
  readonly cut: number;
}

/** Some lines of a log, as far as it is written. */
export interface LogPart {
  readonly lines: readonly LogLine[];
  /** All that it has by now. */
  readonly total: number;
  /** The bytes in which those are: where a stream of the rest begins. */
  readonly size: number;
}

/** Lines of a log in which something stands. */
export interface LogMatches {
  readonly lines: readonly LogLine[];
  /** Where to go on; `undefined` when all of it was looked through. */
  readonly next: number | undefined;
}

/** Logs by their lines. */
export interface LogLines {
  /** Lines from one on, or the last ones. */
  read(stored: StoredRun, which: { readonly first: number } | "last", count: number): Promise<LogPart>;
  /** Lines in which a text stands, in whichever case its letters are. */
  find(stored: StoredRun, text: string, from: number): Promise<LogMatches>;
}

/** Where a line begins. */
interface Mark {
  readonly line: number;
  readonly offset: number;
}

/** What is known of a log: enough marks to come to any line within a megabyte, however long or short its lines are. */
interface LineIndex {
  readonly marks: Mark[];
  /** Bytes that were looked through, and the lines that end in them. */
  scanned: number;
  ended: number;
  /** Where the line begins that has not ended. */
  open: number;
  growing: Promise<void> | undefined;
}

const newline = 10;
/** Bytes of a line that are shown. */
const maxLine = 16 * 1024;
/** Bytes that are given at a time. */
const maxPart = 4 * 1024 * 1024;
/** Bytes that are looked through for a text at a time. */
const maxSearch = 64 * 1024 * 1024;
const maxMatches = 200;
const maxIndexes = 64;
const maxGrowing = 4;
const markEvery = { lines: 1000, bytes: 64 * 1024, mostBytes: 1024 * 1024 };

/** Opens logs by lines. What is found out of a log is kept for as long as it is one of those that were read last. */
export function openLogLines(): LogLines {
  const indexes = new Map<string, LineIndex>();
  // Each is read whole the first time, whoever asks.
  const inTurn = pLimit(maxGrowing);
  const indexOf = async (stored: StoredRun): Promise<LineIndex> => {
    // An attempt that begins a log anew begins at another time.
    const { job, id, startedAt } = stored.record;
    const key = `${job}/${id}/${startedAt?.getTime() ?? ""}`;
    let index = indexes.get(key);
    indexes.delete(key);
    index ??= { marks: [{ line: 1, offset: 0 }], scanned: 0, ended: 0, open: 0, growing: undefined };
    indexes.set(key, index);
    for (const oldest of indexes.keys()) {
      if (indexes.size <= maxIndexes) break;
      indexes.delete(oldest);
    }
    const known = index;
    known.growing ??= inTurn(() => grow(known, stored)).finally(() => {
      known.growing = undefined;
    });
    await known.growing;
    return known;
  };
  return {
    async read(stored, which, count) {
      const index = await indexOf(stored);
      const total = totalOf(index);
      const first = which === "last" ? Math.max(1, total - count + 1) : which.first;
      const lines: LogLine[] = [];
      let bytes = 0;
      for await (const line of linesFrom(index, stored, first)) {
        lines.push(line);
        bytes += line.text.length;
        if (lines.length >= count || bytes > maxPart) break;
      }
      return { lines, total, size: index.scanned };
    },
    async find(stored, text, from) {
      const index = await indexOf(stored);
      const wanted = text.toLowerCase();
      const lines: LogLine[] = [];
      let looked = 0;
      for await (const line of linesFrom(index, stored, from)) {
        looked += line.text.length + 1;
        if (line.text.toLowerCase().includes(wanted)) lines.push(line);
        if (lines.length >= maxMatches || looked > maxSearch) return { lines, next: line.number + 1 };
      }
      return { lines, next: undefined };
    },
  };
}

function totalOf(index: LineIndex): number {
  return index.ended + (index.scanned > index.open ? 1 : 0);
}

/** Looks through what was written since the last look. */
async function grow(index: LineIndex, stored: StoredRun): Promise<void> {
  for await (const piece of stored.log(index.scanned)) {
    for (let at = piece.indexOf(newline); at !== -1; at = piece.indexOf(newline, at + 1)) {
      index.ended++;
      index.open = index.scanned + at + 1;
      const last = index.marks.at(-1) as Mark;
      const [lines, bytes] = [index.ended + 1 - last.line, index.open - last.offset];
      if (bytes >= markEvery.mostBytes || (lines >= markEvery.lines && bytes >= markEvery.bytes)) {
        index.marks.push({ line: index.ended + 1, offset: index.open });
      }
    }
    index.scanned += piece.length;
  }
}

/** The lines that an index knows, from one on. */
async function* linesFrom(index: LineIndex, stored: StoredRun, first: number): AsyncIterable<LogLine> {
  const decoder = new TextDecoder();
  const total = totalOf(index);
  let mark: Mark | undefined = markBefore(index.marks, first);
  while (mark !== undefined && mark.line <= total) {
    const from: Mark = mark;
    mark = undefined;
    let { line, offset: begin } = from;
    let at = from.offset;
    let kept: Uint8Array[] = [];
    let length = 0;
    const finished = (end: number): LogLine => {
      const bytes = Buffer.concat(kept);
      const text = decoder.decode(bytes).replace(/\r$/, "");
      return { number: line, text, cut: Math.max(0, end - begin - length) };
    };
    reading: for await (const piece of stored.log(from.offset)) {
      let rest = piece.subarray(0, Math.max(0, index.scanned - at));
      while (rest.length > 0) {
        const end = rest.indexOf(newline);
        const part = rest.subarray(0, end === -1 ? rest.length : end);
        if (line >= first && length < maxLine) {
          kept.push(part.subarray(0, maxLine - length));
          length += Math.min(part.length, maxLine - length);
        }
        at += part.length;
        if (end === -1) {
          // Nothing more of a very long line is read where it is known what comes after it.
          const next = length < maxLine ? undefined : index.marks.find((each) => each.line === line + 1);
          if (next === undefined) break;
          yield finished(next.offset - 1);
          mark = next;
          break reading;
        }
        if (line >= first) yield finished(at);
        at++;
        line++;
        begin = at;
        kept = [];
        length = 0;
        rest = rest.subarray(end + 1);
      }
      if (at >= index.scanned) break;
    }
    if (mark === undefined && begin < at && line >= first) yield finished(at);
  }
}

/** The last mark that is not behind a line. */
function markBefore(marks: readonly Mark[], line: number): Mark | undefined {
  let [low, high] = [0, marks.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((marks[middle] as Mark).line <= line) low = middle;
    else high = middle - 1;
  }
  return marks[low];
}
