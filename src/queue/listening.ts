import { leaseTiming } from "./lease.ts";
import { Wake } from "./wake.ts";

/**
 * Listens as soon as that is possible: notices only shorten the time until somebody looks, so nobody waits for it.
 * @returns What ends it.
 */
export function listenWhenPossible(
  listen: () => Promise<() => Promise<void>>,
  onProblem: ((error: unknown) => void) | undefined,
): () => Promise<void> {
  const pause = new Wake();
  let isOver = false;
  const listening = (async () => {
    while (!isOver) {
      try {
        return await listen();
      } catch (error) {
        onProblem?.(error);
        await pause.wait(leaseTiming.renewal);
      }
    }
    return undefined;
  })();
  return async () => {
    isOver = true;
    pause.wake();
    const end = await listening;
    await end?.();
  };
}
