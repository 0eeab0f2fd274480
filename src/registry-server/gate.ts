/** Lets work through together or alone, first come, first served. */
export interface Gate {
  /** Runs the work beside other shared work, after any exclusive work that asked before. */
  shared<T>(work: () => Promise<T>): Promise<T>;
  /** Runs the work alone, after everything that asked before. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
}

/** A {@link Gate} with nobody in it. */
export function createGate(): Gate {
  const waitedFor = new Set<Promise<unknown>>();
  let lastExclusive: Promise<unknown> = Promise.resolve();
  const settled = (turn: Promise<unknown>) =>
    turn.then(
      () => undefined,
      () => undefined,
    );
  return {
    shared(work) {
      const turn = lastExclusive.then(work);
      const end = settled(turn).then(() => void waitedFor.delete(end));
      waitedFor.add(end);
      return turn;
    },
    exclusive(work) {
      const turn = Promise.all([lastExclusive, ...waitedFor]).then(work);
      lastExclusive = settled(turn);
      return turn;
    },
  };
}
