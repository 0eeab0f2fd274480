/** What there is to know of a kind of request, whoever sends it. */
export interface KindTraits {
  /** What shares a window: requests that cost who answers them about the same, and that quotas count together. */
  readonly operation: string;
  /**
   * How many that asked before it a request may overtake. What ends a piece of work is not to wait behind the bulk of
   * hundreds of others; but nothing waits forever behind it either.
   */
  readonly headStart?: number;
  /** The answer takes longer for more bytes: the time until it is there says nothing about how busy the host is. */
  readonly isSized?: boolean;
  /** One that does not get done in its time says nothing about the host: what it brings there is large. */
  readonly isBulk?: boolean;
  /**
   * It may do harm when it is done twice: where no answer came, nobody knows what became of it, and it is not sent again.
   */
  readonly isOnce?: boolean;
  /** Attempts after the first one, at what there is another way for. */
  readonly maxRetries?: number;
}

/** The kinds of requests of one user of this room: the unit in which quotas are counted. */
export type Kinds<Kind extends string> = Readonly<Record<Kind, KindTraits>>;
