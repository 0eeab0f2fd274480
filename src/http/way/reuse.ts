import type { Socket } from "node:net";

/** Connections that are closed under the next request, each opened after the one before it had been. */
const maxBroken = 3;

interface Breaks {
  count: number;
  /** When the last one was. */
  at: number;
}

/**
 * Whether connections are used for more than one request. Some servers close them soon after an answer and do not say
 * so before: what is sent on one then is lost. That a server was started anew breaks many at once and means nothing.
 */
export class Reuse {
  readonly #now: () => number;
  readonly #opened = new WeakMap<Socket, number>();
  readonly #breaks = new Map<string, Breaks>();

  /** @param now A clock that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  opened(socket: Socket): void {
    this.#opened.set(socket, this.#now());
  }

  /** A connection that had been used before has ended without an answer. */
  broke({ origin }: URL, socket: Socket | null): void {
    const opened = socket === null ? undefined : this.#opened.get(socket);
    const { count, at } = this.#breaks.get(origin) ?? { count: 0, at: Number.NEGATIVE_INFINITY };
    if (opened === undefined || opened <= at) return;
    this.#breaks.set(origin, { count: count + 1, at: this.#now() });
  }

  isSafe({ origin }: URL): boolean {
    return (this.#breaks.get(origin)?.count ?? 0) < maxBroken;
  }
}
