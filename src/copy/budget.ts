/** So many bytes of memory for what is on its way; who wants more than is left waits, first come, first served. */
export class Budget {
  #left: number;
  readonly #waiting: { readonly bytes: number; readonly granted: () => void }[] = [];

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** @param bytes At most what there is in all. @returns How to give them back; further calls do nothing. */
  async take(bytes: number): Promise<() => void> {
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
