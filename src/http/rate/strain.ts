import type { Kinds } from "../kinds.ts";

/** Milliseconds that count for nothing: on a short way, what looks like a slow answer is jitter. */
const jitter = 20;

/** What answers take at best, by the kind of request, and so how much longer they take now. */
export class Strain<Kind extends string> {
  readonly #kinds: Kinds<Kind>;
  readonly #least = new Map<Kind, number>();

  constructor(kinds: Kinds<Kind>) {
    this.#kinds = kinds;
  }

  /** How many times as long as the fastest of its kind an answer took; `undefined` where that tells nothing. */
  of(kind: Kind, milliseconds: number): number | undefined {
    if (this.#kinds[kind].isSized) return undefined;
    const least = Math.min(this.#least.get(kind) ?? milliseconds, milliseconds);
    this.#least.set(kind, least);
    return (milliseconds + jitter) / (least + jitter);
  }
}
