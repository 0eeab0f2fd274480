import type { WaybillError } from "../../errors/index.ts";

/** An attempt that failed in a way that another attempt may not. Never leaves a client: `retrying` ends it. */
export class TransientFailure extends Error {
  /** What to throw when there are no attempts left. */
  readonly error: WaybillError;
  /** Milliseconds the server asked to wait. */
  readonly retryAfter: number | undefined;
  /** Attempts after the first one, where more would be in vain although more are allowed. */
  readonly maxRetries: number | undefined;

  constructor(error: WaybillError, retryAfter?: number, maxRetries?: number) {
    super(error.message);
    this.error = error;
    this.retryAfter = retryAfter;
    this.maxRetries = maxRetries;
  }
}

/**
 * It is asked too often, or what the request builds on is not settled: no failed attempt, as long as there is hope. Each
 * wait is longer than the one before.
 */
export class NotYet extends TransientFailure {}

/** The host is away, which is no attempt of this request: sent anew, it waits for the host with all others. */
export class HostAway extends TransientFailure {}
