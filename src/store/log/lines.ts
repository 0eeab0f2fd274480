import pLimit from "p-limit";
import type { StoredRun, TimedRun } from "../model.ts";
import { growIndex, type LineMark, type LogIndex, markBefore, newLogIndex, totalOf } from "./log-index.ts";
import type { LogOutline } from "./outline.ts";
import { type LogSearch, lineTest } from "./search.ts";

/** A line of a log. */
export interface LogLine {
  /** From 1 on. */
  readonly number: number;
  /** What is no UTF-8 is replaced. */
  readonly text: string;
  /** Bytes of it that are left out, because it is longer than is shown. */
  readonly cut: number;
  /** When its beginning was written, where that is known. */
  readonly at: Date | undefined;
}

/** Lines from one to another one, with both. */
export interface LineRange {
  readonly from: number;
  readonly to: number;
}

/** How far a log is written. */
export interface LogExtent {
  /** All lines that it has by now. */
  readonly total: number;
  /** The bytes in which those are: where a stream of the rest begins. */
  readonly size: number;
  /** Whether its last line may go on. */
  readonly isOpen: boolean;
}

/** Some lines of a log, as far as it is written. */
export interface LogPart extends LogExtent {
  readonly lines: readonly LogLine[];
}

/** Lines of a log in which something stands. */
export interface LogMatches {
  readonly lines: readonly LogLine[];
  /** Where to go on; `undefined` when all of it was looked through. */
  readonly next: number | undefined;
}

/** A run whose log is read; where it has times, with them. */
export type LoggedRun = Pick<StoredRun, "record" | "log"> & Partial<Pick<TimedRun, "logTimes">>;

/** Logs by their lines. */
export interface LogLines {
  /** Lines of ranges, each behind the one before, as far as there are any. */
  read(stored: LoggedRun, ranges: readonly LineRange[]): Promise<LogPart>;
  /** The last lines. */
  end(stored: LoggedRun, count: number): Promise<LogPart>;
  /** Lines in which something stands, from one on, as far as was come until nobody waits for them any more. */
  find(stored: LoggedRun, search: LogSearch, from: number, signal?: AbortSignal): Promise<LogMatches>;
  outline(stored: LoggedRun): Promise<LogOutline & LogExtent>;
}

interface PlacedLine extends Omit<LogLine, "at"> {
  readonly offset: number;
}

const newline = 10;
/** Bytes of a line that are shown. */
const maxLine = 16 * 1024;
/** Characters that are given at a time. */
const maxPart = 4 * 1024 * 1024;
const maxMatches = 200;
const maxIndexes = 64;
const maxGrowing = 4;

/** Opens logs by lines. What is found out of a log is kept for as long as it is one of those that were read last. */
export function openLogLines(): LogLines {
  const indexes = new Map<string, LogIndex>();
  // Each is read whole the first time, whoever asks.
  const inTurn = pLimit(maxGrowing);
  const indexOf = async (stored: LoggedRun): Promise<LogIndex> => {
    // An attempt that begins a log anew begins at another time.
    const { where, startedAt } = stored.record;
    const key = `${where} ${startedAt?.getTime() ?? ""}`;
    const index = indexes.get(key) ?? newLogIndex();
    indexes.delete(key);
    indexes.set(key, index);
    for (const oldest of indexes.keys()) {
      if (indexes.size <= maxIndexes) break;
      indexes.delete(oldest);
    }
    index.growing ??= inTurn(() => growIndex(index, stored)).finally(() => {
      index.growing = undefined;
    });
    await index.growing;
    return index;
  };
  const readFrom = async (index: LogIndex, stored: LoggedRun, ranges: readonly LineRange[]) => {
    const lines: LogLine[] = [];
    let length = 0;
    for (const { from, to } of ranges) {
      const some: PlacedLine[] = [];
      if (from > to || length > maxPart) continue;
      for await (const line of linesFrom(index, stored, from)) {
        some.push(line);
        length += line.text.length;
        if (line.number >= to || length > maxPart) break;
      }
      lines.push(...(await withTimes(stored, some)));
    }
    return { lines, ...extentOf(index) };
  };
  return {
    read: async (stored, ranges) => readFrom(await indexOf(stored), stored, ranges),
    async end(stored, count) {
      const index = await indexOf(stored);
      const to = totalOf(index);
      return readFrom(index, stored, [{ from: Math.max(1, to - count + 1), to }]);
    },
    async find(stored, search, from, signal) {
      const index = await indexOf(stored);
      const { test, most, atOnce } = lineTest(search);
      const lines: LogLine[] = [];
      let looked = 0;
      let turnAt = atOnce;
      for await (const { offset: _, ...line } of linesFrom(index, stored, from)) {
        looked += line.text.length + 1;
        if (test(line.text)) lines.push({ ...line, at: undefined });
        if (looked > turnAt) {
          turnAt = looked + atOnce;
          await new Promise((resolve) => setImmediate(resolve));
        }
        const isEnough = lines.length >= maxMatches || looked > most || signal?.aborted === true;
        if (isEnough) return { lines, next: line.number + 1 };
      }
      return { lines, next: undefined };
    },
    async outline(stored) {
      const index = await indexOf(stored);
      return { ...index.outline.read(), ...extentOf(index) };
    },
  };
}

function extentOf(index: LogIndex): LogExtent {
  return { total: totalOf(index), size: index.scanned, isOpen: index.scanned > index.open };
}

/** Lines with the times at which they began to be written. */
async function withTimes(stored: LoggedRun, lines: readonly PlacedLine[]): Promise<readonly LogLine[]> {
  const [first, last] = [lines[0], lines.at(-1)];
  if (first === undefined || last === undefined) return [];
  const times = (await stored.logTimes?.(first.offset, last.offset)) ?? [];
  let next = 0;
  return lines.map(({ offset, ...line }) => {
    while ((times[next]?.offset ?? Number.POSITIVE_INFINITY) <= offset) next++;
    return { ...line, at: times[next - 1]?.at };
  });
}

/** The lines that an index knows, from one on. */
async function* linesFrom(index: LogIndex, stored: LoggedRun, first: number): AsyncIterable<PlacedLine> {
  const decoder = new TextDecoder();
  const total = totalOf(index);
  let mark: LineMark | undefined = markBefore(index.marks, first);
  while (mark !== undefined && mark.line <= total) {
    const from: LineMark = mark;
    mark = undefined;
    let { line, offset: begin } = from;
    let at = from.offset;
    let kept: Uint8Array[] = [];
    let length = 0;
    const finished = (end: number): PlacedLine => {
      const bytes = Buffer.concat(kept);
      const text = decoder.decode(bytes).replace(/\r$/, "");
      return { number: line, text, cut: Math.max(0, end - begin - length), offset: begin };
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
          // Nothing more of a very long line is read: it is known where it ends.
          if (length >= maxLine && line === total) {
            yield finished(index.scanned > index.open ? index.scanned : index.scanned - 1);
            return;
          }
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
