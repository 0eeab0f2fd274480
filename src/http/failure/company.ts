/** A host among those of a run, as far as it tells whether there is work. */
export interface Member {
  /** It is being waited for itself. */
  isAway(): boolean;
  /** Bytes and answers that have gone to and fro; any other number than before says that something goes on. */
  moved(): number;
  /** Until when it has asked to be left alone, or is about to be asked again. */
  restsUntil(): number;
}

/**
 * The hosts of one run. As long as one of them has work, waiting for another one that is away costs nobody anything;
 * once only those that are away are left, it does.
 */
export class Company {
  readonly #quiet: number;
  readonly #members = new Map<Member, { readonly moved: number; readonly at: number } | undefined>();

  /** @param quiet Milliseconds without a byte after which a host has no work. */
  constructor(quiet: number) {
    this.#quiet = quiet;
  }

  join(member: Member): void {
    this.#members.set(member, undefined);
  }

  /** Whether a host beside this one has work. To be asked every so often: it is a comparison with the last time. */
  isBusyBeside(member: Member): boolean {
    const now = performance.now();
    let isBusy = false;
    for (const [other, seen] of this.#members) {
      if (other === member || other.isAway()) continue;
      const moved = other.moved();
      if (moved === 0) continue;
      const at = seen?.moved === moved ? seen.at : now;
      this.#members.set(other, { moved, at });
      if (Math.max(at, other.restsUntil()) + this.#quiet > now) isBusy = true;
    }
    return isBusy;
  }
}
