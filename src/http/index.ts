export {
  type Answer,
  type AnswerHead,
  headerOf,
  isSuccess,
  type StreamedAnswer,
  secretsIn,
  smallBody,
} from "./answer.ts";
export { demandedWait, isTransientStatus, readRetryAfter, waitBefore } from "./failure/backoff.ts";
export { Company, type Member } from "./failure/company.ts";
export { type Fetch, type FetchOptions, type FetchRequest, openFetch } from "./fetch.ts";
export type { Kinds, KindTraits } from "./kinds.ts";
export { Limiter, type Observation, type Release } from "./rate/limiter.ts";
export { Pace, type Quota } from "./rate/pace.ts";
export { type PaceOf, Turns } from "./rate/turns.ts";
export { presentable } from "./redaction.ts";
export { commitTime, defaultTiming, type Timing } from "./timing.ts";
export { type AddressKind, isLoopbackHost, kindOfAddress, literalAddress } from "./way/address.ts";
export { type AddressRule, speaksTls } from "./way/connector.ts";
export { ConnectionError, type ConnectionErrorCode } from "./way/errors.ts";
export type { Environment } from "./way/proxy.ts";
export { Reuse } from "./way/reuse.ts";
export { type TlsFiles, type TlsOptions, tlsOptions } from "./way/tls.ts";
export { createWay, hostnameOf, proxyOf, type Way } from "./way/way.ts";
