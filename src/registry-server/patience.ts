import { Refusal } from "./refusal.ts";

export interface Patience {
  /** Milliseconds of waiting that are granted at first, and the most that are ever left. */
  readonly milliseconds: number;
  /** Bytes that earn another second. */
  readonly minBytesPerSecond: number;
}

/**
 * Hands on what comes, as long as it comes at the least rate. Only waiting counts: who is not asked for more, because
 * what came is still being written, loses nothing.
 * @throws {Refusal} 408 when patience is at its end. The source is left as it is, for it may never answer.
 */
export async function* atLeastRate(
  pieces: AsyncIterable<Uint8Array>,
  { milliseconds, minBytesPerSecond }: Patience,
): AsyncGenerator<Uint8Array> {
  let left = milliseconds;
  const source = pieces[Symbol.asyncIterator]();
  let isLate = false;
  try {
    for (;;) {
      const asked = performance.now();
      const next = await nextWithin(source, left);
      if (next === undefined) {
        isLate = true;
        const rate = `${minBytesPerSecond} bytes a second`;
        throw new Refusal("UNKNOWN", `the body comes by less than ${rate}`, { status: 408 });
      }
      if (next.done === true) return;
      const earned = (next.value.length / minBytesPerSecond) * 1000;
      left = Math.max(0, Math.min(milliseconds, left - (performance.now() - asked) + earned));
      yield next.value;
    }
  } finally {
    if (!isLate) await source.return?.();
  }
}

async function nextWithin(
  source: AsyncIterator<Uint8Array>,
  milliseconds: number,
): Promise<IteratorResult<Uint8Array> | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([source.next(), late]);
  } finally {
    clearTimeout(timer);
  }
}
