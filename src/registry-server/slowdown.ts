/** How long those have to wait for an answer who have failed again and again. */
export interface Slowdown {
  /**
   * Counts a failure.
   * @param effort What finding out took, in milliseconds: a client may take a quarter of our time at most.
   * @returns How many milliseconds later it is to be told.
   */
  after(client: string, effort: number, now: number): number;
}

/** Failures that are answered at once: people mistype. */
const failuresAtOnce = 10;
const minInterval = 250;
const maxDelay = 30_000;
const rememberedClients = 10_000;

/**
 * A {@link Slowdown} that knows nobody yet. A client that waits for its answers before it goes on asks no faster than it
 * gets them, by however many connections it comes.
 */
export function createSlowdown(): Slowdown {
  // Until when the failures of a client last, if each of them takes an interval.
  const until = new Map<string, number>();
  return {
    after(client, effort, now) {
      const interval = Math.max(minInterval, 4 * effort);
      const end = Math.max(until.get(client) ?? now, now) + interval;
      until.delete(client);
      const [oldest] = until.keys();
      if (until.size >= rememberedClients && oldest !== undefined) until.delete(oldest);
      until.set(client, Math.min(end, now + failuresAtOnce * interval + maxDelay));
      return Math.min(maxDelay, Math.max(0, end - now - failuresAtOnce * interval));
    },
  };
}
