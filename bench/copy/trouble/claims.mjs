// What a scenario claims, and whether that holds.

/** A claim in words, what there was to see, and whether it holds. */
export function claim(what, measured, holds) {
  return { what, measured: String(measured), holds };
}

/** A claim that a number is at most so much; `show` turns it into text. */
export function atMost(what, value, limit, show = String) {
  return claim(`${what} ≤ ${show(limit)}`, show(value), value <= limit);
}

export function inMiB(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
