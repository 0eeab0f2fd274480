const second = 1000;
const minute = 60 * second;

/** How long to wait for what, in milliseconds. */
export interface Timing {
  /** For a connection, TLS included. */
  readonly connect: number;
  /** For the headers of an answer. */
  readonly answer: number;
  /** The time in which the rate of a body is measured. */
  readonly measure: number;
  /** Bytes a second that a body brings at least while it is read: a modem brings ten times as much. */
  readonly minRate: number;
  /** For the whole of an answer that is read into memory. */
  readonly whole: number;
  /** After so long without an answer, or with less than the least rate, it is said; and again after as long. */
  readonly silence: number;
  /** For the answer to the upload of a large blob: a registry may copy it to its final place first. */
  readonly commit: number;
  /** How long a blob's stream may lie unread, or an upload stand still, before it is given up. */
  readonly idle: number;
  /** Upper bound of the wait before the first retry; it doubles with each further one. */
  readonly firstBackoff: number;
  readonly maxBackoff: number;
  /** The longest `Retry-After` that is waited for; beyond it the request fails. */
  readonly maxRetryAfter: number;
  /** How long a request may be refused, with 429 and no `Retry-After`, before its attempts are counted. */
  readonly maxRefusal: number;
  /** At least so long after a list of referrers was written it is looked for what others have made of it. */
  readonly settle: number;
  /** From the first failure; no retry begins later. */
  readonly deadline: number;
}

/** Bytes a second that a registry copies to a final place at least. */
const commitRate = 2 * 1024 * 1024;

/** How long to wait for the answer to an upload of so many bytes, in milliseconds. */
export function commitTime({ answer, commit }: Timing, bytes: number): number {
  return Math.min(commit, answer + (bytes / commitRate) * second);
}

/** The usual times, where an answer is waited for no longer than so many milliseconds. */
export function timingWithin(answer: number): Timing {
  return { ...defaultTiming, answer, whole: answer, connect: Math.min(defaultTiming.connect, answer) };
}

export const defaultTiming: Timing = {
  connect: 20 * second,
  answer: minute,
  measure: minute,
  minRate: 512,
  whole: 5 * minute,
  silence: 15 * second,
  commit: 10 * minute,
  idle: 5 * minute,
  firstBackoff: second,
  maxBackoff: 30 * second,
  maxRetryAfter: 5 * minute,
  maxRefusal: 2 * minute,
  settle: 2 * second,
  deadline: 15 * minute,
};
