import { Budget } from "./budget.ts";

/** What an image of a run sits on while its manifests are in memory. */
export interface Seat {
  /** Resolves when there is room for an image with many bytes of manifests; further calls do nothing. */
  widen(): Promise<void>;
  /** The manifests are let go. */
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
