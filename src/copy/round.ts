import type { Readable } from "node:stream";
import type { Repository } from "../registry/index.ts";
import type { Group } from "./stragglers.ts";

/** What a round needs of those who hold it. */
export interface RoundHost {
  /** Reads the blob to all who have joined; resolves when nobody needs the round any more. Never rejects. */
  readonly run: (joined: readonly Joined[]) => Promise<void>;
  /** Whether a destination that is not ready will be, because other blobs are on their way there. */
  readonly isBusy: (to: Repository) => boolean;
}

/** A destination that is ready for bytes. */
export interface Joined {
  readonly to: Repository;
  readonly give: (stream: Readable) => void;
  readonly fail: (error: unknown) => void;
}

/** Milliseconds that those who are ready wait for the others. */
const grace = 2_000;

/**
 * One reading of a blob for several destinations: begins when all that are expected are ready for bytes or have turned
 * out to need none. It does not wait for those that have to {@link leave}, nor long where nothing is on its way to
 * those it waits for.
 */
export class Round implements Group {
  /** Resolves when the bytes have been read, or turned out not to be needed. */
  readonly ended: Promise<void>;
  readonly #host: RoundHost;
  readonly #expected: Set<Repository>;
  readonly #joined: Joined[] = [];
  #end: () => void = () => {};
  #state: "forming" | "under way" | "over" = "forming";
  #timer: NodeJS.Timeout | undefined;

  constructor(expected: readonly Repository[], host: RoundHost) {
    this.#expected = new Set(expected);
    this.#host = host;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get size(): number {
    return this.#expected.size + this.#joined.length;
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  /** Whether bytes have begun to flow, or the time for that is over. */
  get hasBegun(): boolean {
    return this.#state !== "forming";
  }

  expect(destinations: readonly Repository[]): void {
    for (const to of destinations) this.#expected.add(to);
  }

  /** Whether the destination may still {@link join}. */
  expects(to: Repository): boolean {
    return this.#state === "forming" && this.#expected.has(to);
  }

  join(to: Repository): Promise<Readable> {
    this.#expected.delete(to);
    return new Promise((give, fail) => {
      this.#joined.push({ to, give, fail });
      this.#timer ??= setInterval(() => this.#losePatience(), grace);
      this.#check();
    });
  }

  late(): readonly Repository[] {
    const isMostReady = this.#joined.length > 0 && this.#joined.length >= this.#expected.size;
    return this.#state === "forming" && isMostReady ? [...this.#expected] : [];
  }

  leave(destinations: readonly Repository[]): void {
    for (const to of destinations) this.excuse(to);
  }

  /** The destination needs no bytes, or cannot take any. */
  excuse(to: Repository): void {
    if (this.#expected.delete(to)) this.#check();
  }

  #check(): void {
    if (this.#state === "forming" && this.#expected.size === 0) this.#begin();
  }

  #losePatience(): void {
    for (const to of this.#expected) if (this.#host.isBusy(to)) return;
    this.#begin();
  }

  #begin(): void {
    clearInterval(this.#timer);
    if (this.#state !== "forming") return;
    this.#state = "under way";
    const running = this.#joined.length === 0 ? Promise.resolve() : this.#host.run(this.#joined);
    void running.then(() => {
      this.#state = "over";
      this.#end();
    });
  }
}
