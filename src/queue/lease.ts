/** Milliseconds of a lease, by PostgreSQL's clock and by those of its holder. */
export const leaseTiming = {
  /** After so long without a renewal others take the runs up. */
  whole: 8_000,
  /** For so long after a renewal was asked for, its holder may write: what it sends last has time to arrive. */
  writing: 6_000,
  /** From one renewal to the next, and from one look for leases that have run out to the next. */
  renewal: 1_000,
  /** When nobody has looked for so long, the database may have been away: all leases begin anew. */
  gap: 4_000,
} as const;

/** A point in time by two clocks: one that never goes back, and one that goes on while the machine is suspended. */
interface Instant {
  readonly monotonic: number;
  readonly wall: number;
}

/** The clocks of this process. */
export function instant(): Instant {
  return { monotonic: performance.now(), wall: Date.now() };
}

/** What a worker holds on the runs that it has taken, as far as it knows. */
export class Lease {
  /** The worker's name in the tables: another one for each lease. */
  readonly worker: string;
  readonly #now: () => Instant;
  #renewed: Instant = { monotonic: Number.NEGATIVE_INFINITY, wall: Number.NEGATIVE_INFINITY };
  #isLost = false;
  #listeners: (() => void)[] = [];

  constructor(worker: string, now: () => Instant = instant) {
    this.worker = worker;
    this.#now = now;
  }

  /** Others may have its runs: it is over for ever. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Whether nobody else can have taken it over, so that its holder may write. Both clocks have to say so. */
  isValid(): boolean {
    const { monotonic, wall } = this.#now();
    const since = Math.max(monotonic - this.#renewed.monotonic, wall - this.#renewed.wall);
    return !this.#isLost && since < leaseTiming.writing;
  }

  /** It has been renewed. @param sent When that was asked for. */
  renewed(sent: Instant): void {
    this.#renewed = sent;
    this.#tell();
  }

  lose(): void {
    this.#isLost = true;
    this.#tell();
  }

  /** Resolves when it is renewed the next time, or lost. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#listeners.push(resolve));
  }

  /** Waits until it is valid or lost. @returns Whether it is valid. */
  async settled(): Promise<boolean> {
    while (!this.#isLost && !this.isValid()) await this.change();
    return !this.#isLost;
  }

  #tell(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
