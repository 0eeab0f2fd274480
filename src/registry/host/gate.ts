/**
 * Lets a bounded number of requests through at a time and, where a rate is set, so many a second. First come, first
 * served.
 */
export interface Gate {
  /** Waits for its turn; what it gives ends the turn, however often it is called. */
  enter(): Promise<() => void>;
  /** Nobody enters before this moment (milliseconds since the epoch): a registry asked for it. */
  pauseUntil(moment: number): void;
}

export function createGate(concurrency: number, requestsPerSecond?: number): Gate {
  const waiting: (() => void)[] = [];
  const interval = requestsPerSecond === undefined ? 0 : 1000 / requestsPerSecond;
  let inside = 0;
  let next = 0;
  let alarmSet = false;

  const admit = (): void => {
    while (waiting.length > 0 && inside < concurrency) {
      const now = Date.now();
      if (now < next) {
        if (alarmSet) return;
        alarmSet = true;
        setTimeout(() => {
          alarmSet = false;
          admit();
        }, next - now);
        return;
      }
      if (interval > 0) next = Math.max(next, now - interval) + interval;
      inside += 1;
      waiting.shift()?.();
    }
  };

  return {
    async enter() {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        admit();
      });
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        inside -= 1;
        admit();
      };
    },
    pauseUntil(moment) {
      next = Math.max(next, moment);
    },
  };
}
