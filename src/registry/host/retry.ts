/** The longest a registry may make us wait; beyond it the request fails, and the run goes on. */
export const longestWaitMilliseconds = 5 * 60 * 1000;

const shortestBackOff = 200;
const longestBackOff = 30_000;

/** Answers after which the same request may succeed. */
export function isTransient(status: number): boolean {
  return (
    status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505 && status !== 507)
  );
}

/** Milliseconds that a `Retry-After` header asks for (RFC 9110 §10.2.3: seconds or a date), or `undefined`. */
export function retryAfter(header: string | undefined, now: number = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Exponential back-off with full jitter: a random wait below a bound that doubles with every attempt. */
export function backOff(attempt: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(longestBackOff, shortestBackOff * 2 ** attempt)) + 50;
}
