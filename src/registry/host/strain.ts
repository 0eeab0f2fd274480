import type { RequestKind } from "../events.ts";
import { tellsLoad } from "./operations.ts";

/** Milliseconds that count for nothing: on a short way, what looks like a slow answer is jitter. */
const jitter = 20;

/** What answers take at best, by the kind of request, and so how much longer they take now. */
export class Strain {
  readonly #least = new Map<RequestKind, number>();

  /** How many times as long as the fastest of its kind an answer took; `undefined` where that tells nothing. */
  of(kind: RequestKind, milliseconds: number): number | undefined {
    if (!tellsLoad(kind)) return undefined;
    const least = Math.min(this.#least.get(kind) ?? milliseconds, milliseconds);
    this.#least.set(kind, least);
    return (milliseconds + jitter) / (least + jitter);
  }
}
