import type { Kinds } from "../kinds.ts";
import { LearntPace } from "./learnt-pace.ts";
import type { Observation } from "./limiter.ts";
import type { Pace } from "./rate-limiter.ts";

/** A pace, and what keeps to it; without kinds, all. */
export interface RateLimitOf<Kind extends string> {
  readonly kinds: ReadonlySet<Kind> | undefined;
  readonly limiter: Pace;
}

interface Waiter<Kind> {
  readonly kind: Kind;
  readonly rank: number;
  readonly granted: () => void;
}

/**
 * When a request may go out to a host: at the rates that are known of it, at the one that its refusals have taught, and
 * after a pause that it demanded. First come, first served, after head starts; who waits for a
 * narrower pace holds up nobody else.
 */
export class Turns<Kind extends string> {
  readonly #kinds: Kinds<Kind>;
  readonly #limiters: readonly RateLimitOf<Kind>[];
  readonly #now: () => number;
  readonly #learnt = new LearntPace();
  /** In the order of their ranks. */
  #waiting: Waiter<Kind>[] = [];
  #asked = 0;
  #pause: { readonly since: number; readonly until: number } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(kinds: Kinds<Kind>, limiters: readonly RateLimitOf<Kind>[], now: () => number) {
    this.#kinds = kinds;
    this.#limiters = limiters;
    this.#now = now;
  }

  /** Resolves when a request of this kind may be sent; it counts as sent then. */
  async next(kind: Kind): Promise<void> {
    this.#asked += 1;
    const now = this.#now();
    if (this.#waiting.length === 0 && this.#pauseLeft(now) === 0 && this.#wait(kind, now) === 0) {
      this.#take(kind, now);
      return;
    }
    const rank = this.#asked - (this.#kinds[kind].headStart ?? 0);
    await new Promise<void>((granted) => {
      const behind = this.#waiting.findLastIndex((waiter) => waiter.rank <= rank);
      this.#waiting.splice(behind + 1, 0, { kind, rank, granted });
      this.#serve();
    });
  }

  /** Learns from an answer: 429 says that there were too many requests in a time. */
  observe({ kind, status, sent }: Observation<Kind>): void {
    const now = this.#now();
    const counted = { operation: this.#kinds[kind].operation, sent };
    if (status === 429) this.#learnt.refused(counted, now);
    else if (status < 500) this.#learnt.accepted(counted, now);
  }

  /** Requests in a second that the host has been found to take. */
  learntRate(): number | undefined {
    return this.#learnt.rate(this.#now());
  }

  /**
   * Nothing is sent for so long.
   * @returns Whether that is news: a burst of refusals demands about the same pause many times.
   */
  pause(milliseconds: number): boolean {
    const now = this.#now();
    const { since, until: before } = this.#pause ?? { since: now, until: undefined };
    const until = now + milliseconds;
    if (before !== undefined && until <= before) return false;
    this.#pause = { since, until };
    this.#serve();
    return before === undefined || until - before > maxDifference;
  }

  /** Nobody who waits gets a turn any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
  }

  #serve(): void {
    clearTimeout(this.#timer);
    const now = this.#now();
    let soonest = this.#pauseLeft(now);
    if (soonest === 0) {
      soonest = Number.POSITIVE_INFINITY;
      const waiting: Waiter<Kind>[] = [];
      for (const waiter of this.#waiting) {
        const wait = this.#wait(waiter.kind, now);
        if (wait > 0) {
          soonest = Math.min(soonest, wait);
          waiting.push(waiter);
          continue;
        }
        this.#take(waiter.kind, now);
        waiter.granted();
      }
      this.#waiting = waiting;
    }
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#serve(), Math.ceil(soonest));
  }

  #wait(kind: Kind, now: number): number {
    const published = this.#limitersOf(kind).map(({ limiter }) => limiter.wait(now));
    return Math.max(this.#learnt.wait(this.#kinds[kind].operation, now), ...published);
  }

  #take(kind: Kind, now: number): void {
    this.#learnt.take(this.#kinds[kind].operation, now);
    for (const { limiter } of this.#limitersOf(kind)) limiter.take(now);
  }

  #limitersOf(kind: Kind): readonly RateLimitOf<Kind>[] {
    return this.#limiters.filter(({ kinds }) => kinds === undefined || kinds.has(kind));
  }

  /** Milliseconds that are left of a pause; ends one that is over. */
  #pauseLeft(now: number): number {
    if (this.#pause === undefined) return 0;
    const { since, until } = this.#pause;
    if (now < until) return until - now;
    this.#pause = undefined;
    this.#learnt.resume(now, now - since);
    return 0;
  }
}

/** Milliseconds by which the demands of one burst differ. */
const maxDifference = 1_000;
