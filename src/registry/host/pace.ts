/** So many requests in so many milliseconds. */
export interface Quota {
  readonly requests: number;
  readonly milliseconds: number;
}

/**
 * The part of a quota that is made use of: what is left out is for clocks that differ and for requests that arrive
 * closer together than they were sent.
 */
const used = 0.97;

/**
 * Keeps to a quota, whichever way it is counted: evenly spread, except for a burst, so that in no stretch of time as long
 * as the quota's there are more requests than it allows (the generic cell rate algorithm: a token bucket without a
 * timer). The burst is what the rate leaves of the quota, and never more than half a second's worth, because some
 * registries count a minute's quota by the second.
 */
export class Pace {
  readonly #interval: number;
  readonly #burst: number;
  /** When the bucket would be full again, in milliseconds of the caller's clock. */
  #fullAt = Number.NEGATIVE_INFINITY;

  constructor({ requests, milliseconds }: Quota) {
    this.#interval = milliseconds / (requests * used);
    const burst = Math.min(requests * (1 - used), 500 / this.#interval);
    this.#burst = Math.max(0, Math.ceil(burst) - 1) * this.#interval;
  }

  /** Milliseconds until there is room for one more request. */
  wait(now: number): number {
    return Math.max(0, this.#fullAt - this.#burst - now);
  }

  /** Takes the room for one request. */
  take(now: number): void {
    this.#fullAt = Math.max(now, this.#fullAt) + this.#interval;
  }
}
