import { type AnswerHead, headerOf } from "../answer.ts";
import type { Timing } from "../timing.ts";

/** Whether an answer with this status may be another one next time. */
export function isTransientStatus(status: number): boolean {
  if (status === 408 || status === 429) return true;
  return status >= 500 && status !== 501 && status !== 505 && status !== 507;
}

/** From here on a number of seconds, or of milliseconds, is no wait that anybody means but a time since the epoch. */
const minEpochSeconds = 1e9;
const minEpochMilliseconds = 1e11;

/**
 * The milliseconds a `Retry-After` header asks for, or `undefined` when there is none to understand. Not bounded. Beside
 * the seconds and the three forms of a date that RFC 9110 has (sections 5.6.7 and 10.2.3), registries are met with
 * fractions of seconds and with Unix times, as Docker Hub says them (https://github.com/docker/hub-feedback/issues/2459).
 * @param now What the server's clock says, as far as that is known: dates are its own.
 */
export function readRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d{1,15}(\.\d{0,9})?$/.test(text)) {
    const number = Number(text);
    if (number < minEpochSeconds) return Math.ceil(number * 1000);
    return Math.max(0, Math.ceil(number < minEpochMilliseconds ? number * 1000 : number) - now);
  }
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  const date = Date.parse(/ (?:GMT|UTC|Z|[+-]\d{4})$/.test(text) ? text : `${text} GMT`);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * The milliseconds that an answer asks to wait for: what its `Retry-After` says, or else the time of a quota that is
 * used up, as Docker Hub states it for its limits of hours (`RateLimit-Remaining: 0;w=21600`,
 * https://docs.docker.com/docker-hub/usage/pulls/), or when one begins anew, in the forms that the drafts of RateLimit
 * header fields had, and their forerunners with `X-`: seconds, or a Unix time.
 */
export function demandedWait(header: (name: string) => string | undefined, now: number): number | undefined {
  const [, seconds] = /^\s*0\s*;\s*w=(\d{1,9})\s*$/.exec(header("ratelimit-remaining") ?? "") ?? [];
  const usedUp = seconds === undefined ? undefined : Number(seconds) * 1000;
  const [, left] = /(?:^|[;,\s])(?:t|reset)=(\d{1,12})/.exec(header("ratelimit") ?? "") ?? [];
  const anew =
    header("ratelimit-reset") ?? header("x-ratelimit-reset") ?? header("x-rate-limit-reset") ?? left;
  return readRetryAfter(header("retry-after"), now) ?? usedUp ?? readRetryAfter(anew, now);
}

/** The milliseconds that an answer asks to wait for. */
export function waitOf({ headers, status }: Pick<AnswerHead, "headers" | "status">): number | undefined {
  const header = (name: string) => headerOf({ headers }, name);
  const now = Date.parse(header("date") ?? "") || Date.now();
  return status === 429 ? demandedWait(header, now) : readRetryAfter(header("retry-after"), now);
}

/**
 * How long to wait before the next attempt: what the server asks for, otherwise a random time between half of an
 * exponentially growing bound and all of it, so that many clients that failed together do not return together, and that
 * what is over in ten seconds is waited for by all.
 * @param attempt The attempt that failed, counted from 1.
 * @param random A number from 0 to 1.
 */
export function waitBefore(
  attempt: number,
  retryAfter: number | undefined,
  timing: Pick<Timing, "firstBackoff" | "maxBackoff">,
  random: number,
): number {
  if (retryAfter !== undefined) return retryAfter;
  const bound = Math.min(timing.maxBackoff, timing.firstBackoff * 2 ** Math.min(attempt - 1, 30));
  return Math.round((bound * (1 + random)) / 2);
}
