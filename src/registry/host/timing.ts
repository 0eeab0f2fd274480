const second = 1000;
const minute = 60 * second;

/** How long to wait for what, in milliseconds. */
export interface Timing {
  /** For a connection, TLS included. */
  readonly connect: number;
  /** For the headers of an answer, and between two pieces of its body. */
  readonly answer: number;
  /** For the answer to a whole upload: a registry may copy the blob to its final place first. */
  readonly commit: number;
  /** How long a blob's stream may lie unread, or an upload stand still, before it is given up. */
  readonly idle: number;
  /** Upper bound of the wait before the first retry; it doubles with each further one. */
  readonly firstBackoff: number;
  readonly longestBackoff: number;
  /** The longest `Retry-After` that is waited for; beyond it the request fails. */
  readonly longestRetryAfter: number;
  /** How long a request may be refused, with 429 and no `Retry-After`, before its attempts are counted. */
  readonly longestRefusal: number;
  /** At least so long after a list of referrers was written it is looked for what others have made of it. */
  readonly settle: number;
  /** From the first failure; no retry begins later. */
  readonly deadline: number;
}

export const defaultTiming: Timing = {
  connect: 20 * second,
  answer: minute,
  commit: 10 * minute,
  idle: 5 * minute,
  firstBackoff: second,
  longestBackoff: 30 * second,
  longestRetryAfter: 5 * minute,
  longestRefusal: 2 * minute,
  settle: 2 * second,
  deadline: 15 * minute,
};
