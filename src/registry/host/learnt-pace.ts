import { afterRefusedRate, afterTakenRate, type LearntRate, rateAt } from "./learnt-rate.ts";

const second = 1000;
/** The least milliseconds in which a rate can be counted. */
const shortest = 250;

/**
 * Keeps to what a host has been found to take, once it has refused something; before that, there is no limit. Times are
 * milliseconds of the caller's clock, which never goes back.
 */
export class LearntPace {
  #learnt: LearntRate | undefined;
  /** When the requests of the last second that the host took were answered. */
  readonly #taken: number[] = [];
  /** Bursts of refusals so far, and whether anything has been taken since the last one. */
  #refusals = 0;
  #tookSome = false;
  /** Requests that may go out at once. */
  #tokens = 0;
  #countedAt = 0;
  #resumedAt = Number.NEGATIVE_INFINITY;
  /** Whether the host takes later what it was not asked for during a pause, as token buckets do. */
  #makesUp = true;

  /** Milliseconds until there is room for one more request. */
  wait(now: number): number {
    if (this.#learnt === undefined) return 0;
    const rate = this.#count(this.#learnt, now);
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / rate) * second;
  }

  /** Takes the room for one request. */
  take(now: number): void {
    if (this.#learnt === undefined) return;
    this.#count(this.#learnt, now);
    this.#tokens -= 1;
  }

  /** The host has taken a request. @param sent When it was sent. */
  accepted(sent: number, now: number): void {
    this.#taken.push(now);
    if (this.#taken.length % 64 === 0) this.#forget(now);
    const learnt = this.#learnt;
    if (learnt === undefined) return;
    if (sent >= learnt.since) {
      this.#tookSome = true;
      this.#learnt = afterTakenRate(learnt, now);
    } else if (this.#refusals === 1) {
      // It belongs to what the host took before it refused for the first time; only its answer came later.
      this.#learnt = { ...learnt, ceiling: learnt.ceiling + 1 };
    }
  }

  /**
   * The host has refused a request because it was asked too often. Of all that were under way then, no other one says
   * anything new.
   * @param sent When the refused request was sent.
   */
  refused(sent: number, now: number): void {
    if (this.#learnt !== undefined && sent < this.#learnt.since) return;
    if (now - this.#resumedAt < second) this.#makesUp = false;
    const taken = this.#takenASecond(now);
    this.#learnt = afterRefusedRate(this.#learnt, { now, taken, tookSome: this.#tookSome });
    this.#refusals += 1;
    this.#tookSome = false;
    this.#tokens = 0;
    this.#countedAt = now;
  }

  /** The host may be asked again after a pause of so many milliseconds. */
  resume(now: number, pause: number): void {
    this.#resumedAt = now;
    if (this.#learnt === undefined) return;
    const rate = rateAt(this.#learnt, now);
    this.#tokens = this.#makesUp ? (Math.min(pause, second) / second) * rate : 0;
    this.#countedAt = now;
  }

  /** Counts the tokens up to now. A few may pile up, so that a timer that is late costs nothing. */
  #count(learnt: LearntRate, now: number): number {
    const rate = rateAt(learnt, now);
    const added = (Math.max(0, now - this.#countedAt) / second) * rate;
    const most = Math.max(1, 0.03 * rate);
    this.#tokens = Math.max(this.#tokens, Math.min(most, this.#tokens + added));
    this.#countedAt = now;
    return rate;
  }

  /** Requests that the host has taken in the last second; after a pause, as many as it would have at that rate. */
  #takenASecond(now: number): number {
    this.#forget(now);
    const length = this.#learnt === undefined ? second : Math.min(second, now - this.#resumedAt);
    if (length < shortest) return Number.POSITIVE_INFINITY;
    const taken = this.#taken.filter((time) => time > now - length).length;
    return (taken * second) / length;
  }

  #forget(now: number): void {
    const first = this.#taken.findIndex((time) => time > now - second);
    this.#taken.splice(0, first < 0 ? this.#taken.length : first);
  }
}
