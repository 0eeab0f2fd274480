/**
 * Keeps to a number of requests per second, with bursts of at most one second's worth (the generic cell rate
 * algorithm: a token bucket without a timer).
 */
export class Pace {
  readonly #interval: number;
  readonly #burst: number;
  /** When the bucket would be full again, in milliseconds of the caller's clock. */
  #fullAt = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#interval = 1000 / perSecond;
    this.#burst = Math.max(0, Math.floor(perSecond) - 1) * this.#interval;
  }

  /** Takes the next place in the line and says how many milliseconds to wait for it. */
  reserve(now: number): number {
    const start = Math.max(now, this.#fullAt);
    this.#fullAt = start + this.#interval;
    return Math.max(0, start - this.#burst - now);
  }
}
