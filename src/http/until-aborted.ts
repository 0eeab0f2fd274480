/**
 * Does something, and fails as soon as a signal is given, which ends nobody's waiting by itself.
 * @param reason What it fails with then; the signal's reason when it is left out.
 */
export type Until = <Result>(start: () => Promise<Result>, reason?: () => unknown) => Promise<Result>;

/**
 * Brings all that is under way to an end when a signal is given. However much that is, the signal has one listener: it
 * looks through those it has whenever one is added, so that thousands would cost more than the requests they are for.
 * @param given Called once, before anything fails.
 */
export function untilAborted(signal: AbortSignal | undefined, given: () => void): Until {
  if (signal === undefined) return (start) => start();
  // No promise that all of them wait for: it would keep their answers for as long as nothing is given.
  const underWay = new Set<() => void>();
  const end = (): void => {
    given();
    for (const giveUp of underWay) giveUp();
  };
  // Many may be given the same signal, which warns of more than ten listeners of its own.
  const own = AbortSignal.any([signal]);
  if (own.aborted) end();
  else own.addEventListener("abort", end, { once: true });
  return async (start, reason = () => own.reason) => {
    if (own.aborted) throw reason();
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(reason());
      underWay.add(giveUp);
      start()
        .then(resolve, reject)
        .finally(() => underWay.delete(giveUp));
    });
  };
}
