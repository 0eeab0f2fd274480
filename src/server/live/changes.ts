import type { Queue, RunChange } from "../../queue/index.ts";

/** What is told to those who listen to runs: some changes, or that there were more than anybody kept. */
export type Changes = readonly RunChange[] | "reset";

/** Changes that are kept for a listener that takes none. */
const mostKept = 1_000;

/** Changes of all runs: the queue is listened to once, however many listeners there are. */
export class ChangeHub {
  readonly #queue: Pick<Queue, "onChange">;
  readonly #listeners = new Set<(change: RunChange | undefined) => void>();
  #listening: Promise<() => Promise<void>> | undefined;

  constructor(queue: Pick<Queue, "onChange">) {
    this.#queue = queue;
  }

  /** Tells of changes from now on, those of one run once, until the signal is aborted. The first is `reset`: look. */
  async *changes(signal: AbortSignal): AsyncIterable<Changes> {
    let kept = new Map<string, RunChange>();
    let isReset = true;
    let wake = () => {};
    const listener = (change: RunChange | undefined) => {
      if (change === undefined || kept.size >= mostKept) isReset = true;
      else kept.set(change.id, change);
      wake();
    };
    const onAbort = () => wake();
    this.#listeners.add(listener);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await this.#listen();
      while (!signal.aborted) {
        if (isReset || kept.size > 0) {
          const changes: Changes = isReset ? "reset" : [...kept.values()];
          [kept, isReset] = [new Map(), false];
          yield changes;
          continue;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener("abort", onAbort);
      await this.#rest();
    }
  }

  async #listen(): Promise<void> {
    this.#listening ??= this.#queue.onChange((change) => {
      for (const listener of this.#listeners) listener(change);
    });
    try {
      await this.#listening;
    } catch (error) {
      this.#listening = undefined;
      throw error;
    }
  }

  async #rest(): Promise<void> {
    if (this.#listeners.size > 0) return;
    const listening = this.#listening;
    this.#listening = undefined;
    await (await listening)?.();
  }
}
