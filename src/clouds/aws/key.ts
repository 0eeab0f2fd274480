/** A key of an account at Amazon's, or of who speaks its protocol. */
export interface AwsKey {
  readonly id: string;
  readonly secret: string;
  readonly session: string | undefined;
}

/** Milliseconds until a time of Amazon's; a minute at least, as two clocks may differ. */
export function lifeUntil(time: string, now: number): number {
  const ends = Date.parse(time);
  return Number.isNaN(ends) ? 15 * 60_000 : Math.max(60_000, ends - now);
}
