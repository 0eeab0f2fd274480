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
  // Not all at once, when a server comes back.
  const whole = streamTiming.whole * (0.9 + Math.random() / 10);
  const [begun, stopped] = [performance.now(), untilAborted(signals)];
  let checked = begun;
  let next = iterator.next();
  try {
    for (;;) {
      const beat = beatAfter(streamTiming.comment);
      const first = await Promise.race([next, beat.over, stopped.over]);
      beat.cancel();
      const now = performance.now();
      if (first === "stopped" || now - begun > whole) return;
      if (now - checked > streamTiming.recheck) {
        checked = now;
        if (!(await mayGoOn())) return;
      }
      if (first === "beat") yield comment;
      else {
        if (first.done === true) return;
        yield first.value;
        next = iterator.next();
      }
    }
  } finally {
    stopped.cancel();
    abort();
    // It ends by itself once it is aborted; nobody waits for it, or for what it fails with.
    next.then(() => iterator.return?.()).catch(() => undefined);
  }
}

function beatAfter(milliseconds: number): { readonly over: Promise<"beat">; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<"beat">((resolve) => {
    timer = setTimeout(() => resolve("beat"), milliseconds);
  });
  return { over, cancel: () => clearTimeout(timer) };
}

function untilAborted(signals: readonly AbortSignal[]): {
  readonly over: Promise<"stopped">;
  cancel(): void;
} {
  let tell = () => {};
  const over = new Promise<"stopped">((resolve) => {
    tell = () => resolve("stopped");
    if (signals.some(({ aborted }) => aborted)) tell();
    for (const signal of signals) signal.addEventListener("abort", tell, { once: true });
  });
  const cancel = () => {
    for (const signal of signals) signal.removeEventListener("abort", tell);
  };
  return { over, cancel };
}
