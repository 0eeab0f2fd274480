/** So many requests in so many milliseconds. */
export interface Quota {
  readonly requests: number;
  readonly milliseconds: number;
}

/** Says when requests may be sent. Times are milliseconds of a clock that never goes back. */
export interface Pace {
  /** Milliseconds until there is room for one more request. */
  wait(now: number): number;
  /** One is sent now. */
  take(now: number): void;
}

/** The part of a quota that is made use of, so that it is met whatever clock and way of counting the host has. */
const used = 0.98;
/** How much longer the quota's time is taken to be: requests may arrive a little closer together than they were sent. */
const stretched = 1.01;
/** Milliseconds of delay that are made up for: timers are late, and who waits for one is not to lose by it. */
const maxDelay = 1000;

/**
 * Keeps to a quota, whichever way the host counts it. Requests are evenly spread, except for a small burst (the generic
 * cell rate algorithm: a token bucket without a timer); and in no stretch of time as long as the quota's are there more
 * than it allows, which the times of the last ones show.
 */
export class RateLimiter implements Pace {
  readonly #interval: number;
  readonly #burst: number;
  readonly #period: number;
  /** When the last requests were sent, as many as the quota allows; the oldest stands at `#next`. */
  readonly #sent: Float64Array;
  #next = 0;
  /** When the bucket would be full again, in milliseconds of the caller's clock. */
  #fullAt = Number.NEGATIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  constructor({ requests, milliseconds }: Quota) {
    const whole = Math.max(1, Math.floor(requests));
    this.#period = (milliseconds * whole * stretched) / requests;
    this.#sent = new Float64Array(whole).fill(Number.NEGATIVE_INFINITY);
    this.#interval = milliseconds / (requests * used);
    const burst = Math.min(requests * (1 - used), 500 / this.#interval);
    this.#burst = Math.floor(burst) * this.#interval;
  }

  /** Milliseconds until there is room for one more request. */
  wait(now: number): number {
    const oldest = this.#sent[this.#next] ?? Number.NEGATIVE_INFINITY;
    return Math.max(0, this.#fullAt - this.#burst - now, oldest + this.#period - now);
  }

  take(now: number): void {
    // Between two requests that closely follow each other somebody waited, and any delay was the timer's.
    const due = now - this.#last < maxDelay ? now - maxDelay : now;
    this.#fullAt = Math.max(due, this.#fullAt) + this.#interval;
    this.#last = now;
    this.#sent[this.#next] = now;
    this.#next = (this.#next + 1) % this.#sent.length;
  }
}
