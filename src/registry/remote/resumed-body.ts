import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type RetryOptions, TransientFailure, waitBefore } from "../../http/index.ts";
import { RegistryError } from "../errors.ts";
import { connectionFailure } from "../host/explain.ts";

/** What a body is, and where the rest of it is to be had when it breaks off. */
export interface ResumedBody {
  readonly first: Readable;
  /** The byte that `first` begins with, and the number of the one after the last. */
  readonly start: number;
  readonly size: number;
  /** Opens the body again, from a byte on. */
  readonly reopen: (offset: number) => Promise<Readable>;
  readonly retry: RetryOptions;
  readonly where: string;
  readonly host: string;
}

/** Bytes that a connection has to bring for its break to be no failed attempt. */
const worthTheWay = 64 * 1024;

/**
 * A body that goes on where it broke off. A break after new bytes have come, and not just a few, is mended at once; only
 * breaks in a row that bring nothing to speak of count as attempts, and are waited between. Ends early, without failing, when the registry itself
 * ends it early: whether it is whole is for the reader to say.
 */
export function resumedBody({ first, start, size, reopen, retry, where, host }: ResumedBody): Readable {
  let position = start;
  let attempts = 0;
  let current: Readable | undefined;
  const over = new AbortController();

  const joined = new Readable({
    read: () => void current?.resume(),
    destroy(error, done) {
      over.abort();
      current?.destroy();
      done(error);
    },
  });

  const follow = (body: Readable): void => {
    if (joined.destroyed) return void body.destroy();
    const began = position;
    current = body;
    body.on("data", (chunk: Uint8Array) => {
      position += chunk.length;
      if (!joined.push(chunk)) body.pause();
    });
    body.once("end", () => joined.push(null));
    body.once("error", (error) => void goOn(error, position - began >= worthTheWay));
  };

  const goOn = async (thrown: unknown, moved: boolean): Promise<void> => {
    if (joined.destroyed) return;
    const failure = connectionFailure(thrown, { where, host });
    if (!(failure instanceof TransientFailure)) return void joined.destroy(failure);
    const { error, retryAfter, maxRetries = retry.retries } = failure;
    attempts = moved ? 1 : attempts + 1;
    if (attempts > Math.min(retry.retries, maxRetries) || position >= size) return void joined.destroy(error);
    const wait = moved ? 0 : waitBefore(attempts, retryAfter, retry.timing, Math.random());
    const { code: fault, message: reason } = error;
    retry.onRetry({ attempt: attempts, waitMilliseconds: wait, reason, fault });
    try {
      const signal = AbortSignal.any([over.signal, retry.closed]);
      if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => undefined);
      if (joined.destroyed || retry.closed.aborted) return void joined.destroy(error);
      follow(await reopen(position));
    } catch (error) {
      joined.destroy(
        error instanceof Error ? error : new RegistryError("unreachable", String(error), { where }),
      );
    }
  };

  follow(first);
  return joined;
}
