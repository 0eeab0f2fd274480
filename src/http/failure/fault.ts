import { messageOf, WaybillError } from "../../errors/index.ts";
import { shownText } from "../redaction.ts";
import { TransientFailure } from "./transient.ts";

/**
 * Why there is no connection, where that is not for the system to say.
 * - `tls`: the certificates that are configured cannot be used.
 * - `unsafe-address`: the host has an address that it may not have.
 * - `unreachable`: the proxy that is named is none.
 */
export type ConnectionErrorCode = "tls" | "unsafe-address" | "unreachable";

/** What is configured, or what a name leads to, allows no connection. */
export class ConnectionError extends WaybillError<ConnectionErrorCode> {
  override readonly name = "ConnectionError";
}

/** What a kind of fault means for what comes next. */
interface FaultTraits {
  /** The host's own: whatever had been asked of it then would have failed so. */
  readonly isOfHost?: true;
  /** Something was waited for until its time was over. */
  readonly isTimeout?: true;
  /** It may be the host's own, too, when it has never answered. */
  readonly isSuspect?: true;
  /** Another attempt may fare better. */
  readonly mayPass?: true;
  /** Attempts after the first one, where more would be in vain although more are allowed. */
  readonly maxRetries?: number;
}

const ofHost = { isOfHost: true } as const;
/** What has been waited for in vain takes as long again each time. */
const silence = { isTimeout: true, mayPass: true, maxRetries: 2 } as const;

const kinds = {
  /** A {@link ConnectionError}, which says why itself. */
  "not-allowed": { isSuspect: true },
  /** It does not speak TLS. */
  "plain-http": ofHost,
  /** It speaks TLS, and was spoken to in plain HTTP. */
  "wants-tls": ofHost,
  /** Certificates, or what TLS has to be agreed on. */
  tls: ofHost,
  "unknown-name": ofHost,
  proxy: ofHost,
  "connect-timeout": { isOfHost: true, isTimeout: true, mayPass: true },
  unreachable: { isOfHost: true, mayPass: true },
  /** It closed the connection in the middle of a request. */
  "hang-up": { isSuspect: true, mayPass: true },
  "not-http": { isSuspect: true },
  "answer-timeout": silence,
  "body-timeout": silence,
  "slow-body": silence,
  "send-timeout": silence,
  /** It sent fewer bytes than it had announced. */
  truncated: { mayPass: true },
  "too-large": {},
  "unsafe-redirect": {},
  "too-many-redirects": {},
  /** It answers with the same server's error, which is its code, to all that it is asked. */
  "server-error": { isOfHost: true, mayPass: true },
  /** The run ended before it had answered. */
  ended: {},
} satisfies Readonly<Record<string, FaultTraits>>;

/** What went wrong with a request that has no answer, or no whole one. */
export type FaultKind = keyof typeof kinds;

/** A fault as data. What it is called, and what to do about it, is for those to say who asked. */
export interface Fault {
  readonly kind: FaultKind;
  /** What the system, TLS or the HTTP parser call it; empty for what they have no code for. */
  readonly code: string;
  /** What they say of it, fit for a message. */
  readonly reason: string;
  readonly cause: unknown;
}

/** What a request with a fault was about. */
export interface About {
  /** What was asked for, as messages name it. */
  readonly where: string;
  /** `host[:port]` that was being talked to. */
  readonly host: string;
  /** It was being talked to in TLS, and may not have answered yet. */
  readonly inTls?: boolean | undefined;
  /** What it was asked as, where that is not the origin itself: `token service`. */
  readonly role?: string | undefined;
  /** The kind of request that it was. */
  readonly kind?: string | undefined;
  /** The failure is to name the host as its own. */
  readonly isOfHost: boolean;
}

/** Why there is no answer, in words, for those who have none of their own; not yet fit for a terminal. */
export function faultInWords({ kind, reason, cause }: Fault): string {
  if (traitsOf({ kind }).isTimeout === true) return "its time is over";
  if (kind === "too-large") return "the answer is larger than any that was asked for";
  return cause instanceof ConnectionError ? messageOf(cause) : reason;
}

/** Puts a fault into the words, and under the code, of those who asked. */
export type Explain = (fault: Fault, about: About) => WaybillError;

export function traitsOf({ kind }: Pick<Fault, "kind">): FaultTraits {
  return kinds[kind];
}

/** An error that {@link faultOf} takes for this fault. */
export function faultError(kind: FaultKind, reason: string = kind): Error {
  return Object.assign(new Error(reason), { code: kind });
}

/** What the system, TLS, the HTTP parser or this room said of a request that got no (whole) answer. */
export function faultOf(thrown: unknown): Fault {
  const cause = innermost(thrown);
  const code = codeOf(cause);
  const reason = cause instanceof Error ? shownText(cause.message, []) : "";
  if (cause instanceof ConnectionError) return { kind: "not-allowed", code, reason, cause };
  return { kind: isTlsRecord(cause) ? "wants-tls" : kindOf(code, reason), code, reason, cause: thrown };
}

/** What a request fails with that got no (whole) answer. Failures that have their words already are left as they are. */
export function failureOf(
  thrown: unknown,
  about: Omit<About, "isOfHost">,
  explain: Explain,
): WaybillError | TransientFailure {
  const cause = innermost(thrown);
  if (cause instanceof TransientFailure) return cause;
  if (cause instanceof WaybillError && !(cause instanceof ConnectionError)) return cause;
  return explained(faultOf(thrown), about, explain);
}

/** A fault as what is to be thrown for it. */
export function explained(
  fault: Fault,
  about: Omit<About, "isOfHost">,
  explain: Explain,
): WaybillError | TransientFailure {
  const { isOfHost = false, mayPass, maxRetries } = traitsOf(fault);
  const error = explain(fault, { ...about, isOfHost });
  return mayPass ? new TransientFailure(error, undefined, maxRetries) : error;
}

/** Whether a connection was closed by the other side in the middle of a request. */
export function isHangUp(thrown: unknown): boolean {
  return closed.has(codeOf(innermost(thrown)));
}

const closed: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);

function kindOf(code: string, reason: string): FaultKind {
  if (isKind(code)) return code;
  if (/wrong version number|packet length too long|http request/i.test(reason)) return "plain-http";
  if (/CERT|SELF_SIGNED|ISSUER|LEAF_SIGNATURE|^ERR_SSL|^ERR_TLS|^EPROTO$|^CRL_/.test(code)) return "tls";
  if (code === "ENOTFOUND") return "unknown-name";
  if (code === "ETIMEDOUT") return "connect-timeout";
  // What Node says of an answer whose connection ended before its body did.
  if (code === "ECONNRESET" && reason === "aborted") return "truncated";
  if (code.startsWith("HPE_")) return "not-http";
  return closed.has(code) ? "hang-up" : "unreachable";
}

function isKind(code: string): code is FaultKind {
  return Object.hasOwn(kinds, code);
}

/** Whether what came instead of an answer is a record of TLS: an alert, or the beginning of a handshake. */
function isTlsRecord(cause: unknown): boolean {
  const packet = cause instanceof Error && "rawPacket" in cause ? cause.rawPacket : undefined;
  return packet instanceof Uint8Array && (packet[0] === 0x15 || packet[0] === 0x16) && packet[1] === 3;
}

/** The first of several failed connections (one for each address), or the cause that an error without code wraps. */
function innermost(thrown: unknown): unknown {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return innermost(thrown.errors[0]);
  const wraps = thrown instanceof Error && codeOf(thrown) === "" && thrown.cause instanceof Error;
  return wraps ? innermost(thrown.cause) : thrown;
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
}
