/**
 * HTTP, as everything in the house speaks it. One {@link Origin} is the policy of one origin, and no request leaves
 * without it. It owns
 *
 * - the way there: proxies, authorities and client certificates, addresses that may be connected to, connections;
 * - redirects, and that credentials stay on the origin that they are for;
 * - how many requests at a time and how often, learnt from its answers, and the pauses that it demands;
 * - which attempts are made again, after which waits, and when it is enough;
 * - how long anything may take, and how large an answer may be;
 * - what is known of its failures: that it is away is found out once for all who ask, and so is a refused credential;
 * - that no secret of a request gets into a message.
 *
 * Those who ask bring what is theirs: the kinds of their requests ({@link Kinds}), what these carry (`authorize`), what
 * an answer means (`judge`, `troubleOf`), and the words for what goes wrong (`explain`).
 */
export {
  type Answer,
  type AnswerHead,
  answerDetails,
  headerOf,
  isSuccess,
  type StreamedAnswer,
} from "./answer.ts";
export { readBeginning } from "./body.ts";
export type { OriginEvent } from "./events.ts";
export type { Direction } from "./exchange.ts";
export { demandedWait, isTransientStatus, readRetryAfter, waitBefore, waitOf } from "./failure/backoff.ts";
export { Company } from "./failure/company.ts";
export { CredentialTrials } from "./failure/credential-trials.ts";
export { type About, ConnectionError, type Fault, failureOf, faultInWords } from "./failure/fault.ts";
export type { Trouble } from "./failure/presence.ts";
export { type Attempt, type Passing, type RetryOptions, retrying } from "./failure/retry.ts";
export { NotYet, TransientFailure } from "./failure/transient.ts";
export type { Kinds, KindTraits } from "./kinds.ts";
export {
  drain,
  type Origin,
  type OriginRequest,
  openOrigin,
  type SendOnce,
} from "./origin.ts";
export { type Pace, type Quota, RateLimiter } from "./rate/rate-limiter.ts";
export type { RateLimitOf } from "./rate/turns.ts";
export { presentable, shownText, withoutSecrets } from "./redaction.ts";
export { commitTime, defaultTiming, type Timing, timingWithin } from "./timing.ts";
export type { ShownHeader, Trace, TracedRequest } from "./trace.ts";
export { type Until, untilAborted } from "./until-aborted.ts";
export { isLoopbackHost } from "./way/address.ts";
export type { TlsFiles } from "./way/tls.ts";
export { type Endpoint, endpointAt, type Network } from "./way/transport.ts";
