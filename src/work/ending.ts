import { RunStopped, type TakenRun } from "../queue/index.ts";

/** How a run is brought to an end before its time. */
export interface RunEnding {
  /** Nothing more is begun once it is aborted. */
  readonly stop: AbortSignal;
  /** What is under way is given up once it is aborted. */
  readonly cut: AbortSignal;
  close(): void;
}

/**
 * What the queue's signal means for the work: where the whole process stops, what is under way gets some time; else nobody waits for
 * it.
 * @param grace Milliseconds.
 */
export function endingOf({ signal }: Pick<TakenRun, "signal">, grace: number): RunEnding {
  const cut = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onStop = (): void => {
    if (reasonOf(signal) !== "shutdown") cut.abort(signal.reason);
    else timer = setTimeout(() => cut.abort(signal.reason), grace).unref();
  };
  if (signal.aborted) onStop();
  else signal.addEventListener("abort", onStop, { once: true });
  return {
    stop: signal,
    cut: cut.signal,
    close: () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onStop);
    },
  };
}

/** Why a run was stopped; `undefined` while it is not. */
export function reasonOf({ aborted, reason }: AbortSignal): RunStopped["code"] | undefined {
  if (!aborted) return undefined;
  return reason instanceof RunStopped ? reason.code : "aborted";
}
