import { setTimeout as sleep } from "node:timers/promises";

/** How fast bytes may come, all readings together. */
export interface BytePace {
  /** Resolves when so many bytes, which have come, are allowed to have come. */
  after(bytes: number): Promise<void>;
}

/** A pace of no more than so many bytes a second, or none. */
export function bytePace(
  bytesPerSecond: number | undefined,
  { now, wait }: { readonly now: () => number; readonly wait: (milliseconds: number) => Promise<unknown> } = {
    now: () => performance.now(),
    wait: sleep,
  },
): BytePace {
  let due = Number.NEGATIVE_INFINITY;
  return {
    after: async (bytes) => {
      if (bytesPerSecond === undefined) return;
      due = Math.max(due, now()) + (1000 * bytes) / bytesPerSecond;
      await wait(due - now());
    },
  };
}
