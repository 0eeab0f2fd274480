export interface Order<T> {
  /** Negative, zero or positive as usual; `undefined` when the two say nothing about this order. */
  compare(a: T, b: T): number | undefined;
}

/** What an entry of a `dmap` can be sorted by. */
export interface SortableEntry {
  readonly digest: string;
  readonly tags: readonly string[];
}

/**
 * Compares as people count: runs of digits by their number, all else by character. With `preReleases`, what goes on
 * with a hyphen comes first, so that `v1.0.0-rc.1` stands before `v1.0.0` (Semantic Versioning 2.0.0, clause 11).
 */
export function compareNaturally(a: string, b: string, preReleases = false): number {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (isDigit(a, i) && isDigit(b, j)) {
      const endA = endOfDigits(a, i);
      const endB = endOfDigits(b, j);
      const difference = compareNumbers(a, i, endA, b, j, endB);
      if (difference !== 0) return difference;
      i = endA;
      j = endB;
      continue;
    }
    const difference = a.charCodeAt(i) - b.charCodeAt(j);
    if (difference !== 0) return difference;
    i += 1;
    j += 1;
  }
  const restA = a.length - i;
  const restB = b.length - j;
  if (restA === 0 && restB === 0) return compareBytes(a, b);
  if (preReleases && a[i] === "-") return -1;
  if (preReleases && b[j] === "-") return 1;
  return restA - restB;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

function endOfDigits(text: string, from: number): number {
  let at = from;
  while (at < text.length && isDigit(text, at)) at += 1;
  return at;
}

/** Two runs of digits by their number, however long; leading zeros count for nothing. */
function compareNumbers(
  a: string,
  fromA: number,
  endA: number,
  b: string,
  fromB: number,
  endB: number,
): number {
  let i = fromA;
  let j = fromB;
  while (i < endA && a[i] === "0") i += 1;
  while (j < endB && b[j] === "0") j += 1;
  if (endA - i !== endB - j) return endA - i - (endB - j);
  for (; i < endA; i += 1, j += 1) {
    const difference = a.charCodeAt(i) - b.charCodeAt(j);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Compares as the incumbents' writers sort: by byte, which for the ASCII of tags and digests is by character. */
export function compareBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

type Compare = (a: string, b: string) => number;

const byVersion: Compare = (a, b) => compareNaturally(a, b, true);
const byNumber: Compare = (a, b) => compareNaturally(a, b);
const reversed =
  (compare: Compare): Compare =>
  (a, b) =>
    compare(b, a);

/** The orders that lists of tags are kept in, the likeliest first. */
export const tagOrders: readonly Order<string>[] = [
  compareBytes,
  byVersion,
  byNumber,
  reversed(byVersion),
  reversed(compareBytes),
].map((compare) => ({ compare }));

export const nameOrders: readonly Order<string>[] = [{ compare: compareBytes }, { compare: byNumber }];

/** The orders that the entries of a `dmap` are kept in, the likeliest first. */
export const entryOrders: readonly Order<SortableEntry>[] = [
  byFirstTag(byVersion),
  byFirstTag(compareBytes),
  byFirstTag(byNumber),
  { compare: (a, b) => compareBytes(a.digest, b.digest) },
  byFirstTag(byVersion, -1),
  byFirstTag(compareBytes, -1),
  byFirstTag(byNumber, -1),
];

/** By the smallest tag, then by digest; an entry without tags can stand anywhere. */
function byFirstTag(compare: Compare, direction: 1 | -1 = 1): Order<SortableEntry> {
  const first = (tags: readonly string[]) =>
    tags.length < 2 ? tags[0] : tags.reduce((least, tag) => (compare(tag, least) < 0 ? tag : least));
  return {
    compare: (a, b) => {
      const left = first(a.tags);
      const right = first(b.tags);
      if (left === undefined || right === undefined) return undefined;
      return direction * compare(left, right) || compareBytes(a.digest, b.digest);
    },
  };
}

/** How often neighbors of a list stand in an order, and how often not. */
interface Evidence {
  readonly inOrder: number;
  readonly outOfOrder: number;
}

/** The chance that a list which is kept in an order has two neighbors the wrong way round: people do slip. */
const slip = 0.1;
/** The rest of the file counts as much as so many pairs of neighbors of the list itself. */
const weightOfTheFile = 3;
/** So many pairs tell enough about the rest of a file. */
const pairsOfTheFile = 1_000;

/**
 * The order that a list is kept in, judged by its own neighbors first and by the other lists of the file where its
 * own are few; `undefined` when the list just grows at its end.
 */
export function chooseOrder<T>(
  orders: readonly Order<T>[],
  list: readonly T[],
  others: readonly (readonly T[])[],
): Order<T> | undefined {
  let best: Order<T> | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const order of orders) {
    const own = evidence(order, [list]);
    const file = evidence(order, others, pairsOfTheFile);
    const filePairs = file.inOrder + file.outOfOrder;
    const weight = filePairs === 0 ? 0 : Math.min(1, weightOfTheFile / filePairs);
    const score = likelihood(own) + weight * likelihood(file);
    if (score > bestScore + 1e-9) {
      best = order;
      bestScore = score;
    }
  }
  // Without an order, each pair of neighbors stands either way with the same chance: twice as likely each.
  return bestScore >= 0 ? best : undefined;
}

/** Logarithm of how much likelier the evidence is for a list kept in that order than for one without any order. */
function likelihood(evidence: Evidence): number {
  return evidence.inOrder * Math.log(2 * (1 - slip)) + evidence.outOfOrder * Math.log(2 * slip);
}

function evidence<T>(
  order: Order<T>,
  lists: readonly (readonly T[])[],
  enough = Number.POSITIVE_INFINITY,
): Evidence {
  let inOrder = 0;
  let outOfOrder = 0;
  for (const list of lists) {
    if (inOrder + outOfOrder >= enough) break;
    for (let at = 1; at < list.length; at += 1) {
      const difference = order.compare(list[at - 1] as T, list[at] as T);
      if (difference === undefined) continue;
      if (difference <= 0) inOrder += 1;
      else outOfOrder += 1;
    }
  }
  return { inOrder, outOfOrder };
}

/**
 * The index at which an item goes into a list: behind the item that the order puts right before it, so that a list
 * with a few items astray is served well too; without any such item before the one that comes right after it, and
 * without an order at the end.
 */
export function placeIn<T>(order: Order<T> | undefined, list: readonly T[], item: T): number {
  if (order === undefined) return list.length;
  let before: number | undefined;
  let behind: number | undefined;
  for (const [at, each] of list.entries()) {
    const difference = order.compare(each, item);
    if (difference === undefined) continue;
    if (difference <= 0) {
      if (before === undefined || isSorted(order, list[before] as T, each)) before = at;
    } else if (behind === undefined || !isSorted(order, list[behind] as T, each)) behind = at;
  }
  return before === undefined ? (behind ?? list.length) : before + 1;
}

function isSorted<T>(order: Order<T>, first: T, second: T): boolean {
  return (order.compare(first, second) ?? 0) <= 0;
}
