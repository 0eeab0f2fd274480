import { afterRefusedRate, afterTakenRate, type LearntRate, rateAt } from "./learnt-rate.ts";

const second = 1000;
/** The least milliseconds in which a rate can be counted. */
const shortest = 250;

/** An answer, as far as it counts: which operation it was for, and when its request was sent. */
interface Counted {
  readonly operation: string;
  readonly sent: number;
}

/**
 * Keeps to what a host has been found to take. Only the operations that it has refused are held back; all of them
 * together, because most hosts count requests of every kind. Times are milliseconds of the caller's clock, which never
 * goes back.
 */
export class LearntPace {
  readonly #held = new Set<string>();
  #learnt: LearntRate | undefined;
  /** The answers of the last second that were no refusals. */
  #taken: { readonly operation: string; readonly at: number }[] = [];
  /** Bursts of refusals so far, and whether anything has been taken since the last one. */
  #refusals = 0;
  #tookSome = false;
  #tokens = 0;
  #countedAt = 0;
  #resumedAt = Number.NEGATIVE_INFINITY;
  /** Whether the host takes later what it was not asked for during a pause, as token buckets do. */
  #makesUp = true;

  /** Requests in a second that the host is asked for; `undefined` while it has refused none. */
  rate(now: number): number | undefined {
    return this.#learnt && rateAt(this.#learnt, now);
  }

  /** Milliseconds until there is room for one more request. */
  wait(operation: string, now: number): number {
    if (this.#learnt === undefined || !this.#held.has(operation)) return 0;
    const rate = this.#count(this.#learnt, now);
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / rate) * second;
  }

  take(operation: string, now: number): void {
    if (this.#learnt === undefined || !this.#held.has(operation)) return;
    this.#count(this.#learnt, now);
    this.#tokens -= 1;
  }

  accepted({ operation, sent }: Counted, now: number): void {
    this.#taken.push({ operation, at: now });
    if (this.#taken.length % 64 === 0) this.#forget(now);
    const learnt = this.#learnt;
    if (learnt === undefined || !this.#held.has(operation)) return;
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
   * anything new of the rate.
   */
  refused({ operation, sent }: Counted, now: number): void {
    const learnt = this.#learnt;
    if (learnt !== undefined && !this.#held.has(operation)) {
      const more = this.#takenASecond(now, (other) => other === operation);
      this.#learnt = { ...learnt, ceiling: learnt.ceiling + (Number.isFinite(more) ? more : 0) };
    }
    this.#held.add(operation);
    if (learnt !== undefined && sent < learnt.since) return;
    if (now - this.#resumedAt < second) this.#makesUp = false;
    const taken = this.#takenASecond(now, (other) => this.#held.has(other));
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
    const most = Math.max(1, 0.2 * rate);
    this.#tokens = Math.max(this.#tokens, Math.min(most, this.#tokens + added));
    this.#countedAt = now;
    return rate;
  }

  /** Requests that the host has taken in the last second; after a pause, as many as it would have at that rate. */
  #takenASecond(now: number, counts: (operation: string) => boolean): number {
    this.#forget(now);
    const length = this.#learnt === undefined ? second : Math.min(second, now - this.#resumedAt);
    if (length < shortest) return Number.POSITIVE_INFINITY;
    const taken = this.#taken.filter(({ operation, at }) => at > now - length && counts(operation));
    return (taken.length * second) / length;
  }

  #forget(now: number): void {
    this.#taken = this.#taken.filter(({ at }) => at > now - second);
  }
}
