import { setTimeout as sleep } from "node:timers/promises";
import type { Timing } from "../timing.ts";
import { waitBefore } from "./backoff.ts";
import { HostAway, NotYet, TransientFailure } from "./transient.ts";

/** A result or failure that another attempt may mend. */
export interface Passing {
  readonly reason: string;
  /** The code of such a failure. */
  readonly fault: string;
  /** Milliseconds the server asked to wait. */
  readonly retryAfter: number | undefined;
  /** The server takes no more requests for the time being (429), or has not ended what this one builds on. */
  readonly isNotYet: boolean;
  /** Attempts after the first one, where more would be in vain although more are allowed. */
  readonly maxRetries?: number | undefined;
  /** The host is away: the next attempt itself waits for it. */
  readonly isOfHost?: boolean;
}

export interface RetryOptions {
  /** Attempts after the first one. */
  readonly retries: number;
  readonly timing: Timing;
  readonly onRetry: (retry: Retry) => void;
  /** When it is aborted, nobody waits for another attempt any more: what the last one gave stands. */
  readonly closed: AbortSignal;
  /** An attempt that threw is not repeated, only one whose result is judged to be passing. */
  readonly isOnce?: boolean;
}

export interface Attempt {
  /** Counted from 1. */
  readonly number: number;
  /** The one before it has brought the work forward, so attempts and time are counted anew. */
  readonly goesOn: () => void;
}

/** One retry, as it begins to wait. */
export interface Retry {
  /** The attempt that failed, counted from 1. */
  readonly attempt: number;
  /** How many there are at most, where that is known; a "not yet" is none of them. */
  readonly of?: number | undefined;
  readonly waitMilliseconds: number;
  readonly reason: string;
  /** The code of such a failure. */
  readonly fault: string;
}

/**
 * Runs until it succeeds, fails for good, or has used up attempts or time; what the last attempt gave is then
 * returned or thrown. `run` may be repeated when it throws a {@link TransientFailure} and when `judge` finds its result
 * to be passing. A server that asks for a longer wait than
 * anybody would want is not waited for: that request fails, and the run goes on. A "not yet" is no failed attempt, as
 * long as there is hope: where quotas are strict it says only that it was not this request's turn.
 */
export async function retrying<Result>(
  run: (attempt: Attempt) => Promise<Result>,
  judge: (result: Result) => Passing | undefined,
  { retries, timing, onRetry, closed, isOnce = false }: RetryOptions,
): Promise<Result> {
  let failed = 0;
  let failedFirst: number | undefined;
  let inVain = 0;
  const goesOn = (): void => {
    failed = 0;
    failedFirst = undefined;
    inVain = 0;
  };
  for (let number = 1; ; number += 1) {
    const { passing, end } = await attempted(() => run({ number, goesOn }), judge, isOnce);
    if (passing === undefined) return end();
    if (passing.isOfHost === true) {
      if (closed.aborted) return end();
      continue;
    }
    inVain += 1;
    failedFirst ??= Date.now();
    const elapsed = Date.now() - failedFirst;
    const isHopeful = passing.retryAfter !== undefined || elapsed < timing.maxRefusal;
    if (!passing.isNotYet || !isHopeful) failed += 1;
    const most = Math.min(retries, passing.maxRetries ?? retries);
    if (failed > most) return end();
    const wait = waitBefore(inVain, passing.retryAfter, timing, Math.random());
    if (wait > timing.maxRetryAfter || elapsed + wait > timing.deadline) return end();
    // Connections that are closed on purpose have not failed.
    if (closed.aborted) return end();
    const { reason, fault } = passing;
    onRetry({ attempt: number, of: most + 1, waitMilliseconds: wait, reason, fault });
    await sleep(wait, undefined, { signal: closed }).catch(() => undefined);
    if (closed.aborted) return end();
  }
}

/** One attempt: whether it may be repeated, and how it ends if it is not. */
async function attempted<Result>(
  run: () => Promise<Result>,
  judge: (result: Result) => Passing | undefined,
  isOnce: boolean,
): Promise<{ passing: Passing | undefined; end: () => Result }> {
  try {
    const result = await run();
    return { passing: judge(result), end: () => result };
  } catch (thrown) {
    if (!(thrown instanceof TransientFailure)) throw thrown;
    const { error, retryAfter, maxRetries } = thrown;
    if (isOnce) throw error;
    const isOfHost = thrown instanceof HostAway;
    const end = () => {
      throw error;
    };
    const { code: fault, message: reason } = error;
    const isNotYet = thrown instanceof NotYet;
    return { passing: { reason, fault, retryAfter, isNotYet, maxRetries, isOfHost }, end };
  }
}
