/** So much of what there is not without end, such as bytes of memory; who wants more than is left waits, first come, first served. */
export class Budget {
  #left: number;
  readonly #all: number;
  readonly #waiting: { readonly amount: number; readonly granted: () => void }[] = [];

  constructor(all: number) {
    this.#all = all;
    this.#left = all;
  }

  /** @param wanted Who wants more than there is in all gets all. @returns How to give it back: a part, or what is left of it. */
  async take(wanted: number): Promise<(part?: number) => void> {
    const amount = Math.min(wanted, this.#all);
    if (this.#waiting.length === 0 && amount <= this.#left) this.#left -= amount;
    else await new Promise<void>((granted) => this.#waiting.push({ amount, granted }));
    let held = amount;
    return (part = held) => {
      const back = Math.min(part, held);
      held -= back;
      this.#left += back;
      this.#serve();
    };
  }

  #serve(): void {
    for (let [next] = this.#waiting; next && next.amount <= this.#left; [next] = this.#waiting) {
      this.#waiting.shift();
      this.#left -= next.amount;
      next.granted();
    }
  }
}

/** What an image of a run sits on while its manifests are in memory. */
export interface Seat {
  /** Resolves when there is room for an image with many bytes of manifests; further calls do nothing. */
  widen(): Promise<void>;
  leave(): void;
}

/** Images of many bytes whose manifests are in memory at the same time: three at their bound are 48 MiB. */
const wideAtOnce = 3;

/**
 * Keeps the manifests of a run's images in bounded memory. Nearly all images have so few bytes of them that any number fits;
 * of the others, few are held at a time. Who waits holds nothing that another one waits for.
 */
export class WideImages {
  readonly #budget = new Budget(wideAtOnce);

  seat(): Seat {
    let taken: Promise<() => void> | undefined;
    return {
      widen: async () => {
        taken ??= this.#budget.take(1);
        await taken;
      },
      leave: () => void taken?.then((giveBack) => giveBack()),
    };
  }
}
