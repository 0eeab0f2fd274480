import { comment, streamTiming } from "./sse.ts";

/** How a stream lives. */
export interface Life {
  /** Any of them ends the stream. */
  readonly signals: readonly AbortSignal[];
  /** Whether who listens may still. */
  readonly mayGoOn: () => Promise<boolean>;
}

/**
 * A stream with comments where nothing else is to be said, which ends after its time, when the server stops, or when who listens may
 * not any more.
 * @param abort Ends what the stream is made of.
 */
export async function* beating(
  source: AsyncIterable<Uint8Array>,
  { signals, mayGoOn }: Life,
  abort: () => void,
): AsyncIterable<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  const bell = openBell();
  for (const signal of signals) signal.addEventListener("abort", bell.ring, { once: true });
  // Not all at once, when a server comes back.
  const whole = streamTiming.whole * (0.9 + Math.random() / 10);
  const begun = performance.now();
  let checked = begun;
  let step = nextOf(iterator, bell.ring);
  try {
    for (;;) {
      const isSettled = () => step.settled !== undefined;
      const isStopped = () => signals.some(({ aborted }) => aborted);
      const isBeat = !isSettled() && !isStopped() && !(await bell.isRung(streamTiming.comment));
      const now = performance.now();
      if (isStopped() || now - begun > whole) return;
      if (now - checked > streamTiming.recheck) {
        checked = now;
        if (!(await mayGoOn())) return;
      }
      if (isBeat) yield comment;
      if (step.settled === undefined) continue;
      const { done, value } = await step.settled;
      if (done === true) return;
      yield value;
      step = nextOf(iterator, bell.ring);
    }
  } finally {
    for (const signal of signals) signal.removeEventListener("abort", bell.ring);
    abort();
    // It ends by itself once it is aborted; nobody waits for it, or for what it fails with.
    step.promise.then(() => iterator.return?.()).catch(() => undefined);
  }
}

/** The next value of an iterator, and whether it is there by now. */
interface Step {
  readonly promise: Promise<IteratorResult<Uint8Array>>;
  settled?: Promise<IteratorResult<Uint8Array>>;
}

function nextOf(iterator: AsyncIterator<Uint8Array>, tell: () => void): Step {
  const step: Step = { promise: iterator.next() };
  const settle = () => {
    step.settled = step.promise;
    tell();
  };
  step.promise.then(settle, settle);
  return step;
}

/**
 * Wakes one who waits, any number of times. A race of promises would leave behind whatever it was won with for as long as one of them
 * is open: with one that is for the whole stream, all that the stream has told.
 */
function openBell() {
  let wake = () => {};
  return {
    ring: () => wake(),
    /** @returns Whether it is rung within so many milliseconds. */
    async isRung(within: number): Promise<boolean> {
      let timer: NodeJS.Timeout | undefined;
      const isRung = await new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), within);
        wake = () => resolve(true);
      });
      clearTimeout(timer);
      wake = () => {};
      return isRung;
    },
  };
}
