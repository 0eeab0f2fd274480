/** Ends what a permit was taken for; further calls do nothing. */
export type Release = () => void;

/** At most `limit` holders at a time; who waits is served in the order of asking. */
export class Permits {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  async acquire(): Promise<Release> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((granted) => this.#waiting.push(granted));
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }
}

/**
 * The permits of one host. An upload keeps its permit while it reads its source, which may be on the same host; so
 * uploads together never hold all permits, and the reading that each of them waits for always finds one.
 */
export class HostPermits {
  readonly #all: Permits;
  readonly #uploads: Permits;
  readonly #shared: boolean;

  /** @param limit Requests at the same time; with 1, an upload and the reading of its source still overlap. */
  constructor(limit: number) {
    this.#all = new Permits(limit);
    this.#uploads = new Permits(Math.max(1, limit - 1));
    this.#shared = limit > 1;
  }

  request(): Promise<Release> {
    return this.#all.acquire();
  }

  async upload(): Promise<Release> {
    const own = await this.#uploads.acquire();
    const shared = this.#shared ? await this.#all.acquire() : () => {};
    return () => {
      shared();
      own();
    };
  }
}
