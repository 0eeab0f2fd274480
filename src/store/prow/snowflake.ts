/** Prow's ids are those of Twitter: milliseconds since 2010-11-04T01:42:54.657Z, a node of 10 bits, a number of 12 bits. */
const epoch = 1288834974657n;
const numberBits = 12n;
const timeShift = 22n;
/** The node that Prow itself writes. */
const node = 1n;
const perMillisecond = 1n << numberBits;

/**
 * The id of the `at`-th run (from 0) that begins in a millisecond, as decimal text: ids are larger than what a JavaScript
 * number holds. More than 4096 of them go on in the next millisecond.
 * @param milliseconds Since 1970.
 */
export function snowflake(milliseconds: number, at: number): string {
  const since = BigInt(Math.max(0, Math.floor(milliseconds))) - epoch;
  const time = (since > 0n ? since : 0n) + BigInt(at) / perMillisecond;
  return String((time << timeShift) | (node << numberBits) | (BigInt(at) % perMillisecond));
}

/** Whether a text can be the id of a run: digits, no more than 64 bits have. */
export function isRunId(text: string): boolean {
  return /^(0|[1-9][0-9]{0,19})$/.test(text);
}

/** When a run with this id began; `undefined` for small numbers, which Prow counted upwards in older days. */
export function timeOfId(id: string): Date | undefined {
  const time = isRunId(id) ? BigInt(id) >> timeShift : 0n;
  // The first year has too few milliseconds to tell its ids from counted ones.
  if (time < 1n << 30n) return undefined;
  const date = new Date(Number(time + epoch));
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** Orders ids as numbers, the newest first. */
export function newestFirst(a: string, b: string): number {
  return b.length - a.length || (a < b ? 1 : a > b ? -1 : 0);
}
