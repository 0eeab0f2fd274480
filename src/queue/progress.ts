import type { RunProgress } from "./model.ts";

/** Milliseconds between two times that the progress of a run is written down. */
const every = 1_000;

/**
 * Writes down the last of what is said of a run's progress, the first at once and then no more often than once a second. What cannot be
 * written is told, and the next is tried.
 */
export class ProgressTeller {
  readonly #write: (progress: RunProgress) => Promise<void>;
  readonly #onProblem: ((error: unknown) => void) | undefined;
  #said: RunProgress | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(
    write: (progress: RunProgress) => Promise<void>,
    onProblem: ((error: unknown) => void) | undefined,
  ) {
    this.#write = write;
    this.#onProblem = onProblem;
  }

  say(progress: Omit<RunProgress, "at">): void {
    if (this.#isOver) return;
    this.#said = { ...progress, at: new Date().toISOString() };
    if (this.#timer === undefined) this.#pass();
  }

  /** Nothing is written from now on. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #pass(): void {
    const said = this.#said;
    this.#said = undefined;
    this.#timer = undefined;
    if (said === undefined || this.#isOver) return;
    this.#write(said).catch((error: unknown) => this.#onProblem?.(error));
    this.#timer = setTimeout(() => this.#pass(), every);
  }
}
