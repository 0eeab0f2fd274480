/** So many bytes of memory for what is on its way; who wants more than is left waits, first come, first served. */
export class Budget {
  #left: number;
  readonly #all: number;
  readonly #waiting: { readonly bytes: number; readonly granted: () => void }[] = [];

  constructor(bytes: number) {
    this.#all = bytes;
    this.#left = bytes;
  }

  /** @param wanted Who wants more than there is in all gets all. @returns How to give it back; further calls do nothing. */
  async take(wanted: number): Promise<() => void> {
    const bytes = Math.min(wanted, this.#all);
    if (this.#waiting.length === 0 && bytes <= this.#left) this.#left -= bytes;
    else await new Promise<void>((granted) => this.#waiting.push({ bytes, granted }));
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#left += bytes;
      this.#serve();
    };
  }

  #serve(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && next.bytes <= this.#left;
      next = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#left -= next.bytes;
      next.granted();
    }
  }
}
