import type { LogOutlineDocument } from "../../server/index.ts";

/** Lines from one to another one, with both. */
export interface ShownRange {
  readonly from: number;
  readonly to: number;
}

/** Lines that are shown of each place. */
const shown = {
  /** At the end of the log, and of the chapter that something went wrong in last. */
  end: 100,
  before: 5,
  after: 10,
  /** Places at which something looks wrong: the first ones and the last ones. */
  first: 20,
  last: 40,
  chapters: 100,
} as const;
/** A fold with fewer lines than this hides nothing that is worth a click. */
const minFold = 8;

/**
 * The lines of a log that tell why it failed: its end, the end of the chapter that something went wrong in last, what is around
 * whatever looks wrong, and where chapters begin. The rest is folded away.
 */
export function foldedRanges({ total, chapters, suspects }: LogOutlineDocument): readonly ShownRange[] {
  const wanted: ShownRange[] = [{ from: total - shown.end + 1, to: total }];
  const last = suspects.at(-1);
  if (last !== undefined) {
    const next = chapters.find(({ line }) => line > last)?.line ?? total + 1;
    const begin = chapters.findLast(({ line }) => line <= last)?.line ?? 1;
    wanted.push({ from: Math.max(begin, next - shown.end), to: next - 1 });
  }
  const few = suspects.length > shown.first + shown.last;
  const around = few ? [...suspects.slice(0, shown.first), ...suspects.slice(-shown.last)] : suspects;
  for (const line of around) wanted.push({ from: line - shown.before, to: line + shown.after });
  for (const { line } of chapters.slice(0, shown.chapters)) wanted.push({ from: line, to: line });
  return joined(wanted, total);
}

/** The same lines as ranges that lie behind each other. */
function joined(ranges: readonly ShownRange[], total: number): readonly ShownRange[] {
  const inOrder = ranges
    .map(({ from, to }) => ({ from: Math.max(1, from), to: Math.min(total, to) }))
    .filter(({ from, to }) => from <= to)
    .sort((one, other) => one.from - other.from);
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of inOrder) {
    const last = result.at(-1);
    if (last !== undefined && from - last.to <= minFold) last.to = Math.max(last.to, to);
    else result.push({ from: result.length === 0 && from <= minFold ? 1 : from, to });
  }
  return result;
}
