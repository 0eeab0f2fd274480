import type { CellCounts, MatrixMirror } from "./model.ts";
import type { CellState } from "./states.ts";

/** Edges by state, in all and by mirror, while they change. */
export class Counts {
  readonly #all: Partial<Record<CellState, number>> = {};
  readonly #mirrors: readonly {
    readonly name: string;
    readonly counts: Partial<Record<CellState, number>>;
  }[];

  constructor(mirrors: readonly string[]) {
    this.#mirrors = mirrors.map((name) => ({ name, counts: {} }));
  }

  add(mirror: number, state: CellState, more = 1): void {
    for (const counts of [this.#all, this.#mirrors[mirror]?.counts]) {
      if (counts === undefined) continue;
      const now = (counts[state] ?? 0) + more;
      if (now === 0) delete counts[state];
      else counts[state] = now;
    }
  }

  read(): { readonly counts: CellCounts; readonly mirrors: readonly MatrixMirror[] } {
    return {
      counts: { ...this.#all },
      mirrors: this.#mirrors.map(({ name, counts }) => ({ name, counts: { ...counts } })),
    };
  }
}
