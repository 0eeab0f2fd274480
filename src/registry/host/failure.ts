import type { FailureDetails } from "../../errors/index.ts";
import { ConnectionError } from "../../http/index.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import { shownText } from "./server-text.ts";

/** An attempt that failed in a way that another attempt may not. Never leaves this room: `retrying` ends it. */
export class TransientFailure extends Error {
  /** What to throw when there are no attempts left. */
  readonly error: RegistryError;
  /** Milliseconds the server asked to wait. */
  readonly retryAfter: number | undefined;
  /** Attempts after the first one, where more would be in vain although more are allowed. */
  readonly mostRetries: number | undefined;

  constructor(error: RegistryError, retryAfter?: number, mostRetries?: number) {
    super(error.message);
    this.error = error;
    this.retryAfter = retryAfter;
    this.mostRetries = mostRetries;
  }
}

/**
 * What the request builds on is not settled yet: it is no failed attempt, as long as there is hope. Each wait is longer
 * than the one before.
 */
export class NotSettled extends TransientFailure {}

/** The host is away, which is no attempt of this request: sent anew, it waits for the host with all others. */
export class HostAway extends TransientFailure {}

/** That a host gave no answer to a request, and what that is taken for by itself. Never leaves this room. */
export class Unanswered extends Error {
  readonly failure: RegistryError | TransientFailure;

  constructor(failure: RegistryError | TransientFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** What the transport itself finds wrong with a request, beside what the system, TLS and the HTTP parser say. */
type TransportFault = "answer-timeout" | "body-timeout" | "slow-body" | "send-timeout";

/** An error that {@link connectionFailure} understands. */
export function transportError(fault: TransportFault, reason: string = fault): Error {
  return Object.assign(new Error(reason), { code: fault });
}

/** What a failed request was about, for its message. */
export interface About {
  /** The repository or reference that was asked for. */
  readonly where: string;
  /** `host[:port]` that was being talked to. */
  readonly host: string;
  /** It was being talked to in TLS, and may not have answered yet. */
  readonly inTls?: boolean;
}

/** A request that got no (whole) answer: what the system, TLS or the HTTP parser said about it. */
export function connectionFailure(thrown: unknown, about: About): RegistryError | TransientFailure {
  const cause = innermost(thrown);
  if (cause instanceof RegistryError || cause instanceof TransientFailure) return cause;
  if (cause instanceof ConnectionError) {
    const { code, message, where, hint } = cause;
    return new RegistryError(code, message, { where, hint, cause });
  }
  const code = codeOf(cause);
  const details = { where: about.where, cause: thrown };
  const ofHost = { ...details, host: about.host };
  const reason = cause instanceof Error ? shownText(cause.message, []) : "";
  if (code === "plain-http") return plainHttp(about, thrown);
  if (/wrong version number|packet length too long|http request/i.test(reason))
    return plainHttp(about, thrown);
  if (isTlsCode(code)) return tlsFailure(code, about, ofHost);
  if (code === "ENOTFOUND") {
    return new RegistryError("unreachable", `the name ${about.host} does not exist (${code})`, {
      ...ofHost,
      hint: "look for a typing error in the registry's name, or set HTTPS_PROXY if there is no direct way out",
    });
  }
  if (code === "connect-timeout" || code === "ETIMEDOUT") {
    return transient("timeout", `${about.host} takes no connection in time (${code})`, ofHost);
  }
  const silence = silences.get(code);
  if (silence !== undefined) {
    const hint = `ask whoever runs ${about.host}, or what stands before it, what keeps it busy`;
    const error = new RegistryError("timeout", `${about.host} ${silence}`, { ...details, hint });
    return new TransientFailure(error, undefined, fewRetries);
  }
  // What Node says of an answer whose connection ended before its body did.
  if (code === "ECONNRESET" && reason === "aborted") {
    return transient("truncated", `${about.host} sent fewer bytes than it had announced`, details);
  }
  if (code.startsWith("HPE_")) {
    return new RegistryError("unexpected-response", `${about.host} does not answer in HTTP (${reason})`, {
      ...details,
      hint: `is the port in ${about.host} that of a registry?`,
    });
  }
  if (code === "proxy") {
    return new RegistryError("unreachable", `the proxy does not connect to ${about.host}: ${reason}`, {
      ...ofHost,
      hint: "look at HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY",
    });
  }
  return transient("unreachable", `${about.host} cannot be reached: ${connectionReason(code, reason)}`, {
    ...(closed.has(code) ? details : ofHost),
    hint: unreachableHint(code, about),
  });
}

/** What a host does, or rather does not, that has been waited for. */
const silences: ReadonlyMap<string, string> = new Map<TransportFault, string>([
  ["answer-timeout", "accepted the request but did not answer in time"],
  ["body-timeout", "stopped sending in the middle of its answer"],
  ["slow-body", "sends its answer too slowly for it ever to arrive"],
  ["send-timeout", "takes no more bytes of the upload"],
]);

/** Attempts after one that has been waited for in vain: each takes as long again. */
const fewRetries = 2;

function connectionReason(code: string, reason: string): string {
  if (code === "ECONNREFUSED") return `it refuses connections (${reason})`;
  if (closed.has(code)) return `the connection was closed in the middle of a request (${code}: ${reason})`;
  if (code === "EAI_AGAIN") return `the name service does not answer (${code})`;
  return [code, reason].filter((text) => text !== "").join(": ");
}

const closed: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);

/** Whether a connection was closed by the other side in the middle of a request. */
export function isHangUp(thrown: unknown): boolean {
  return closed.has(codeOf(innermost(thrown)));
}

function unreachableHint(code: string, { host, inTls }: About): string | undefined {
  if (code === "ECONNREFUSED") return `is the registry running, and is the port in ${host} the right one?`;
  if (!closed.has(code)) return undefined;
  // TLS 1.3 lets a server refuse a client after the handshake, by hanging up.
  return inTls === true
    ? `if it asks for a client certificate, name one in waybill.yaml: hosts: ${host}: tls: cert and key`
    : `ask whoever runs ${host}, or what stands before it, why it hangs up`;
}

function isTlsCode(code: string): boolean {
  return /CERT|SELF_SIGNED|ISSUER|LEAF_SIGNATURE|^ERR_SSL|^ERR_TLS|^EPROTO$|^CRL_/.test(code);
}

/** A host that speaks plain HTTP and was spoken to in TLS. */
function plainHttp({ where, host }: About, cause: unknown): RegistryError {
  return new RegistryError("tls", `no trusted connection to ${host}: it speaks plain HTTP, not TLS`, {
    ...{ where, host, cause },
    hint: `if that is meant so, say it in waybill.yaml: hosts: ${host}: http: true`,
  });
}

/** A host that speaks TLS and was spoken to in plain HTTP. */
export function wantsTls({ where, host }: About, cause?: unknown): RegistryError {
  return new RegistryError("tls", `${host} wants TLS, but was spoken to in plain HTTP`, {
    ...{ where, host, cause },
    hint: `in waybill.yaml: hosts: ${host}: http: false, and tls: ca where its authority is one of your own`,
  });
}

/** Whether what came instead of an answer is a record of TLS: an alert, or the beginning of a handshake. */
export function isTlsRecord(thrown: unknown): boolean {
  const cause = innermost(thrown);
  const packet = cause instanceof Error && "rawPacket" in cause ? cause.rawPacket : undefined;
  return packet instanceof Uint8Array && (packet[0] === 0x15 || packet[0] === 0x16) && packet[1] === 3;
}

function tlsFailure(code: string, about: About, details: FailureDetails): RegistryError {
  return new RegistryError("tls", `no trusted connection to ${about.host}: ${tlsReason(code)}`, {
    ...details,
    hint: tlsHint(code, about.host),
  });
}

function tlsReason(code: string): string {
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `its certificate is for another name (${code})`;
  if (code === "CERT_HAS_EXPIRED") return `its certificate has expired (${code})`;
  if (/SELF_SIGNED|ISSUER|LEAF_SIGNATURE/.test(code)) {
    return `its certificate is signed by an authority that is not trusted here (${code})`;
  }
  return code;
}

function tlsHint(code: string, host: string): string {
  if (/SELF_SIGNED|ISSUER|LEAF_SIGNATURE/.test(code)) {
    return `name the authority's PEM file in waybill.yaml: hosts: ${host}: tls: ca`;
  }
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA/.test(code)) {
    return `the registry may want a client certificate; in waybill.yaml: hosts: ${host}: tls: cert and key`;
  }
  return "mend the registry's certificate, or ask whoever runs it";
}

function transient(code: RegistryErrorCode, message: string, details: FailureDetails): TransientFailure {
  return new TransientFailure(new RegistryError(code, message, details));
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
