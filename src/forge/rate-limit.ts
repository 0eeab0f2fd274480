/** What is looked at to see whether a forge wants to be left alone. */
export interface Limited {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** What GitHub asks for where it names no time ("Best practices for using the REST API"). */
const unnamedWait = 60_000;

/**
 * The milliseconds after which a forge that refuses because it was asked too often may be asked again; `undefined`
 * when it refuses for another reason. GitHub says it with 403 or 429, the others with 429; either by `Retry-After`
 * (RFC 9110, section 10.2.3), or by the time at which a used-up quota is filled again: `x-ratelimit-reset` of GitHub, `ratelimit-reset`
 * of GitLab, both in seconds since 1970.
 */
export function waitForQuota({ status, headers, text }: Limited, now: number): number | undefined {
  if (status !== 429 && status !== 403) return undefined;
  const asked = retryAfter(headers, now);
  if (asked !== undefined) return asked;
  const quota = (name: string) => headers.get(`x-ratelimit-${name}`) ?? headers.get(`ratelimit-${name}`);
  const reset = quota("reset")?.trim() ?? "";
  if (quota("remaining")?.trim() === "0" && /^\d{1,12}$/.test(reset)) {
    const seconds = Number(reset);
    // By the forge's clock, which may differ from ours; small numbers are seconds from now.
    const there = Date.parse(headers.get("date") ?? "");
    const from = Number.isNaN(there) ? now : there;
    return seconds < 1_000_000_000 ? seconds * 1000 : Math.max(0, seconds * 1000 - from);
  }
  return status === 429 || /\brate limit/i.test(text) ? unnamedWait : undefined;
}

/** The milliseconds that `Retry-After` asks for, as seconds or as a date. */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
