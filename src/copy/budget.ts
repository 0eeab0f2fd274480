/** So much of what there is not without end, such as bytes of memory; who wants more than is left waits, first come, first served. */
export class Budget {
  #left: number;
  readonly #all: number;
  readonly #waiting: { readonly amount: number; readonly granted: () => void }[] = [];

  constructor(all: number) {
    this.#all = all;
    this.#left = all;
  }

  /** @param wanted Who wants more than there is in all gets all. @returns How to give it back; further calls do nothing. */
  async take(wanted: number): Promise<() => void> {
    const amount = Math.min(wanted, this.#all);
    if (this.#waiting.length === 0 && amount <= this.#left) this.#left -= amount;
    else await new Promise<void>((granted) => this.#waiting.push({ amount, granted }));
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#left += amount;
      this.#serve();
    };
  }

  #serve(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && next.amount <= this.#left;
      next = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#left -= next.amount;
      next.granted();
    }
  }
}
