/**
 * How many requests a host takes in a second, found out from what it refuses: plain values, and functions from one to
 * the next. After a refusal the rate begins somewhat below what the host took, comes back to that quickly, stays about
 * there, and then grows ever faster, to see whether the host takes more by now. The curve is CUBIC's (RFC 9438), which
 * does the same with the window of a connection.
 */
export interface LearntRate {
  /** Requests in a second that the host took when it refused last. */
  readonly ceiling: number;
  /** The part of the ceiling that the rate began again with. */
  readonly share: number;
  /** When that was, in milliseconds of the caller's clock. */
  readonly since: number;
  /** Milliseconds from then until the rate is at the ceiling again. */
  readonly patience: number;
}

export interface RefusedRate {
  readonly now: number;
  /** Requests in a second that the host has taken lately. */
  readonly taken: number;
  /** Whether it has taken any since it refused last. */
  readonly tookSome: boolean;
}

/** The part of what a host took that it is asked for next. */
const nextShare = 0.92;
/** Requests in a second that a host is thought to take when it refuses before it has taken many. */
const firstGuess = 10;
/** Requests in a second that any host is asked for, however much it refuses. */
const minRate = 0.5;
/** A host is tried soon when little is known of it, and ever later the more often it has said the same. */
const minPatience = 4_000;
const maxPatience = 32_000;
/** How far two ceilings may be apart to be the same. */
const tolerance = 0.05;

/** The rate at a time, in requests a second. */
export function rateAt({ ceiling, share, since, patience }: LearntRate, now: number): number {
  const way = (now - since - patience) / patience;
  return Math.max(minRate, ceiling * (1 + (1 - share) * way ** 3));
}

/**
 * What is known after a refusal. A host that has taken nothing since it refused last has not said anything new of its
 * ceiling: it is asked for half as much, and ever more rarely, until it takes something again.
 */
export function afterRefusedRate(known: LearntRate | undefined, refused: RefusedRate): LearntRate {
  const { now, taken, tookSome } = refused;
  if (known === undefined) {
    return {
      ceiling: Math.max(firstGuess, taken),
      share: nextShare,
      since: now,
      patience: minPatience,
    };
  }
  if (!tookSome) {
    const patience = Math.min(maxPatience, 2 * known.patience);
    return { ...known, share: known.share / 2, since: now, patience };
  }
  const ceiling = Math.max(minRate, Math.min(taken, rateAt(known, now)));
  const isSame = Math.abs(ceiling - known.ceiling) <= tolerance * known.ceiling;
  const patience = isSame ? Math.min(maxPatience, 2 * known.patience) : minPatience;
  return { ceiling, share: nextShare, since: now, patience };
}

/** What is known after the host has taken a request: when it had taken none before, it is asked for the usual again. */
export function afterTakenRate(known: LearntRate, now: number): LearntRate {
  if (known.share >= nextShare) return known;
  return { ...known, share: nextShare, since: now, patience: minPatience };
}
