/** When requests to a host may start: so many a second, and none before a moment that the registry has named. */
export interface Pace {
  /** Takes a turn and gives 0, or gives the milliseconds until it is worth asking again. */
  take(): number;
  /** Nobody starts before this moment (milliseconds since the epoch). */
  pauseUntil(moment: number): void;
}

export function createPace(requestsPerSecond?: number): Pace {
  const interval = requestsPerSecond === undefined ? 0 : 1000 / requestsPerSecond;
  let next = 0;
  return {
    take() {
      const now = Date.now();
      if (now < next) return next - now;
      next = interval === 0 ? next : Math.max(next, now - interval) + interval;
      return 0;
    },
    pauseUntil(moment) {
      next = Math.max(next, moment);
    },
  };
}

/** Lets a bounded number of requests through at a time, at a pace that it may share. First come, first served. */
export interface Gate {
  /** Waits for its turn; what it gives ends the turn, however often it is called. */
  enter(): Promise<() => void>;
}

export function createGate(concurrency: number, pace: Pace): Gate {
  const waiting: (() => void)[] = [];
  let inside = 0;
  let alarmSet = false;

  const admit = (): void => {
    while (waiting.length > 0 && inside < concurrency && !alarmSet) {
      const wait = pace.take();
      if (wait > 0) {
        alarmSet = true;
        setTimeout(() => {
          alarmSet = false;
          admit();
        }, wait);
        return;
      }
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
  };
}
