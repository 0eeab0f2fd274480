/** Milliseconds between two looks at what nobody tells of. */
const usual = 60_000;
/** Where a webhook was verified in the last hour: it tells, and looking is for what it does not. */
const told = 5 * 60_000;
const toldHolds = 60 * 60_000;
/** What a webhook tells of may show itself a moment later: a forge has several machines. */
const toldSettles = 2 * 60_000;
/** Between two looks at what cannot be read; no pause is longer. */
export const longestPause = 15 * 60_000;
/** Looks do not meet, of however many remotes and schedulers. */
const jitter = 0.2;

/**
 * When a remote is looked at next that could be read.
 * @param toldAt When a webhook about it was last verified.
 * @param random From 0 to 1.
 */
export function nextLook(now: Date, toldAt: Date | undefined, random: number): Date {
  const age = toldAt === undefined ? Number.POSITIVE_INFINITY : now.getTime() - toldAt.getTime();
  const isTold = age > toldSettles && age <= toldHolds;
  return later(now, isTold ? told : usual, random);
}

/** When a remote is looked at next that could not be read so many times in a row: doubled for each, up to 15 minutes. */
export function nextAttempt(now: Date, failures: number, random: number): Date {
  return later(now, Math.min(usual * 2 ** Math.min(failures - 1, 10), longestPause), random);
}

function later(now: Date, milliseconds: number, random: number): Date {
  return new Date(now.getTime() + Math.round(milliseconds * (1 - jitter + 2 * jitter * random)));
}
