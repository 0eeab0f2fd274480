import type { Database, Sql } from "../database/index.ts";
import type { Pace, Quota } from "../http/index.ts";

/** Requests that one process may send, and nobody else: evenly spread from a time on. */
interface Window {
  /** Milliseconds from now on until the first one. */
  readonly wait: number;
  /** Processes that share the host, this one among them. */
  readonly workers: number;
}

/** The part of a quota that is made use of, and that of its time by which a request may be late: together it is met exactly. */
const used = 0.95;
const late = 1 - used;
/** Milliseconds of requests that a process takes at a time: it asks the database that often while it is busy. */
const batch = 250;
/** Milliseconds after which it looks again whether its requests have come. */
const glance = 5;
/** Milliseconds within which the database has to answer. */
const patience = 1_000;

/** What all processes together may ask hosts for. */
export interface RequestBudget {
  /**
   * The pace that this process keeps to, of a quota that all share. @param name Of the quota: the host, where it has one.
   */
  paceOf(name: string, quota: Quota): Pace;
}

/**
 * The budget that a database has. While it is away, each process keeps to its share of what there were when it was last there.
 * @param onProblem Told once of an outage.
 */
export function openRequestBudget(db: Database, onProblem?: (error: unknown) => void): RequestBudget {
  const paces = new Map<string, SharedPace>();
  return {
    paceOf(name, quota) {
      const known = paces.get(name);
      if (known !== undefined) return known;
      const pace = new SharedPace(quota, (requests, interval) => takeRequests(db, name, requests, interval), {
        onProblem,
      });
      paces.set(name, pace);
      return pace;
    },
  };
}

/**
 * Takes the next requests of a quota, for this process alone: so many, one each interval.
 * @param interval Milliseconds.
 */
export async function takeRequests(
  sql: Sql,
  name: string,
  requests: number,
  interval: number,
): Promise<Window & { readonly from: number }> {
  const [row] = await sql.query<Window & { from: number }>(
    `WITH taken AS (
      INSERT INTO queue_budget AS budget (name, free_at) VALUES ($1, extract(epoch FROM clock_timestamp()) * 1000 + $2::float8)
      ON CONFLICT (name) DO UPDATE
      SET free_at = greatest(budget.free_at, extract(epoch FROM clock_timestamp()) * 1000) + $2::float8
      RETURNING free_at - $2::float8 AS from
    )
    SELECT taken.from, greatest(0, taken.from - extract(epoch FROM clock_timestamp()) * 1000)::float8 AS wait,
      (SELECT greatest(1, count(*))::int FROM queue_worker) AS workers
    FROM taken`,
    [name, requests * interval],
  );
  return row ?? { from: 0, wait: 0, workers: 1 };
}

interface SharedPaceOptions {
  readonly now?: (() => number) | undefined;
  readonly onProblem?: ((error: unknown) => void) | undefined;
}

/** Keeps to a quota that other processes keep to as well: by requests that are taken for this one in small batches. */
export class SharedPace implements Pace {
  readonly #take: (requests: number, interval: number) => Promise<Window>;
  readonly #now: () => number;
  readonly #onProblem: SharedPaceOptions["onProblem"];
  readonly #interval: number;
  readonly #latest: number;
  readonly #batch: number;
  /** What is left of the batches, the soonest first: when the next request of each may be sent, and how far apart they are. */
  readonly #left: { next: number; requests: number; readonly interval: number }[] = [];
  #workers = 1;
  #isTaking = false;
  #isAway = false;

  constructor(
    { requests, milliseconds }: Quota,
    take: (requests: number, interval: number) => Promise<Window>,
    { now = () => performance.now(), onProblem }: SharedPaceOptions = {},
  ) {
    this.#take = take;
    this.#now = now;
    this.#onProblem = onProblem;
    this.#interval = milliseconds / (requests * used);
    this.#latest = Math.max(milliseconds, milliseconds / requests) * late;
    this.#batch = Math.max(1, Math.floor(batch / this.#interval));
  }

  /** Milliseconds until there is room for one more request. */
  wait(now: number): number {
    for (let first = this.#left[0]; first !== undefined; first = this.#left[0]) {
      // What was not used in its time is nobody's: used later, it would come on top of what others have taken.
      if (now <= first.next + this.#latest) return Math.max(0, first.next - now);
      this.#useFirst();
    }
    this.#more();
    return glance;
  }

  take(_now: number): void {
    this.#useFirst();
    const left = this.#left.reduce((sum, { requests }) => sum + requests, 0);
    if (left * 2 < this.#batch) this.#more();
  }

  #useFirst(): void {
    const [first] = this.#left;
    if (first === undefined) return;
    first.next += first.interval;
    first.requests -= 1;
    if (first.requests === 0) this.#left.shift();
  }

  #more(): void {
    if (this.#isTaking) return;
    this.#isTaking = true;
    void this.#taken().finally(() => {
      this.#isTaking = false;
    });
  }

  async #taken(): Promise<void> {
    const requests = this.#batch;
    try {
      const { wait, workers } = await within(patience, this.#take(requests, this.#interval));
      this.#workers = workers;
      this.#isAway = false;
      this.#left.push({ next: this.#now() + wait, requests, interval: this.#interval });
    } catch (error) {
      if (!this.#isAway) this.#onProblem?.(error);
      this.#isAway = true;
      this.#left.push({ next: this.#now(), requests, interval: this.#interval * this.#workers });
    }
  }
}

/** A result, or a failure when it takes too long. */
async function within<Result>(milliseconds: number, result: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([result, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
