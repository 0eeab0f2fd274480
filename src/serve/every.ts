import { setTimeout as sleep } from "node:timers/promises";

/**
 * Does something now, and again and again with a pause between, until the signal is aborted. What goes wrong is told, and keeps nothing
 * from the next time.
 */
export async function every(
  milliseconds: number,
  signal: AbortSignal,
  work: () => Promise<unknown>,
  onProblem: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work();
    } catch (error) {
      if (!signal.aborted) onProblem(error);
    }
    await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  }
}

/** Resolves when the signal is aborted. */
export function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
