/**
 * How many requests of one operation may be under way at a time, as far as it has been found out: plain values, and
 * functions from one to the next. The arithmetic is that of TCP's congestion control (RFC 5681), with the strain of
 * the registry beside its refusals; a *round* is as many requests as the window is wide.
 */
export interface Window {
  /** Requests at a time; of a fraction, the whole part counts. */
  readonly size: number;
  /** Below it the window doubles in a round, from there on it grows by one. */
  readonly threshold: number;
  /** Whether the last round leaves room to grow. */
  readonly growing: boolean;
  /** Requests that have still to end in this round. */
  readonly left: number;
  /** The least strain that an answer of this round told. */
  readonly strain: number | undefined;
  readonly halvedAt: number;
}

export interface WindowBounds {
  /** Where it starts; strain alone never takes it below. */
  readonly start: number;
  readonly limit: number;
}

/** A strain up to which a window may grow, and one above which it is halved. Between them it stays. */
const easy = 2;
const hard = 3;

export function openWindow({ start }: WindowBounds): Window {
  return {
    size: start,
    threshold: Number.POSITIVE_INFINITY,
    growing: true,
    left: Math.floor(start),
    strain: undefined,
    halvedAt: Number.NEGATIVE_INFINITY,
  };
}

/**
 * After an answer came.
 * @param strain How many times as long it took as it does at best.
 */
export function afterAnswer(window: Window, strain: number): Window {
  return { ...window, strain: Math.min(window.strain ?? strain, strain) };
}

/**
 * After a request has ended, well or not. Only a window that somebody waits for grows: how wide one can be that is
 * not used shows nowhere. Of a round the least strain counts: one slow answer, or a new connection, is no strain.
 */
export function afterEnd(window: Window, bounds: WindowBounds, isWanted: boolean): Window {
  const { size, threshold, growing } = window;
  const step = !isWanted || !growing ? 0 : size < threshold ? 1 : 1 / size;
  const grown = { ...window, size: Math.min(bounds.limit, size + step), left: window.left - 1 };
  return grown.left > 0 ? grown : nextRound(grown, bounds);
}

function nextRound(window: Window, { start }: WindowBounds): Window {
  const { size, strain } = window;
  const next = { ...window, left: Math.floor(size), strain: undefined };
  if (strain === undefined) return next;
  if (strain <= easy) return { ...next, growing: true };
  const kept = strain <= hard ? size : Math.max(size / 2, Math.min(size, start));
  return { ...next, size: kept, threshold: kept, growing: false, left: Math.floor(kept) };
}

/**
 * After the registry has refused a request because it is too busy, or asked too often. Of all that were under way
 * when the window was halved no other one halves it again: they are the same burst.
 * @param sent When the refused request was sent.
 */
export function afterRefusal(window: Window, sent: number, now: number): Window {
  if (sent < window.halvedAt) return window;
  const size = Math.max(1, Math.floor(window.size / 2));
  return { ...window, size, threshold: size, left: size, strain: undefined, halvedAt: now };
}
