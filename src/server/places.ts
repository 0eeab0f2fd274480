/** Places that are shared by name: so many for one, and so many who wait for them. */
export class Places {
  readonly #places: number;
  readonly #most: number;
  readonly #lanes = new Map<string, { taken: number; readonly waiting: (() => void)[] }>();

  constructor(places: number, most: number) {
    this.#places = places;
    this.#most = most;
  }

  /** Waits for a place. @returns what gives it back; `undefined` when too many wait already. */
  async take(name: string): Promise<(() => void) | undefined> {
    const lane = this.#lanes.get(name) ?? { taken: 0, waiting: [] };
    this.#lanes.set(name, lane);
    if (lane.taken >= this.#places) {
      if (lane.waiting.length >= this.#most) return undefined;
      await new Promise<void>((resolve) => lane.waiting.push(resolve));
    } else lane.taken += 1;
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      const next = lane.waiting.shift();
      if (next !== undefined) return next();
      lane.taken -= 1;
      if (lane.taken === 0) this.#lanes.delete(name);
    };
  }
}
