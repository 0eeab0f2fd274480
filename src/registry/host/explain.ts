import { type FailureDetails, type Phrase, phrase, phraseOf, type WaybillError } from "../../errors/index.ts";
import {
  type About,
  ConnectionError,
  type Fault,
  failureOf,
  type TransientFailure,
} from "../../http/index.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";

/** What a registry, a token service or a storage fails with that gave no (whole) answer. */
export function explain(fault: Fault, about: About): RegistryError {
  const { host, where, isOfHost } = about;
  const { code, reason, cause } = fault;
  const fail = (
    failure: RegistryErrorCode,
    message: string | Phrase,
    hint?: string | Phrase,
    details?: FailureDetails,
  ): RegistryError =>
    new RegistryError(failure, message, {
      ...{ where, hint, cause, host: isOfHost ? host : undefined },
      ...details,
    });
  switch (fault.kind) {
    case "not-allowed":
      return cause instanceof ConnectionError
        ? fail(cause.code, connectionMessage(cause), cause.hint, { where: cause.where })
        : fail("unreachable", reason);
    case "plain-http":
      return fail(
        "tls",
        `no trusted connection to ${host}: it speaks plain HTTP, not TLS`,
        `if that is meant so, say it in waybill.yaml: hosts: ${host}: http: true`,
      );
    case "wants-tls":
      return fail(
        "tls",
        `${host} wants TLS, but was spoken to in plain HTTP`,
        `in waybill.yaml: hosts: ${host}: http: false, and tls: ca where its authority is one of your own`,
      );
    case "tls":
      return fail("tls", `no trusted connection to ${host}: ${tlsReason(code)}`, tlsHint(code, host));
    case "unknown-name":
      return fail(
        "unreachable",
        `the name ${host} does not exist (${code})`,
        "look for a typing error in the registry's name, or set HTTPS_PROXY if there is no direct way out",
      );
    case "proxy":
      return fail(
        "unreachable",
        phrase`the proxy does not connect to ${host}: ${reason}`,
        "look at HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY",
      );
    case "connect-timeout":
      return fail("timeout", `${host} takes no connection in time (${code})`);
    case "answer-timeout":
    case "body-timeout":
    case "slow-body":
    case "send-timeout":
      return fail(
        "timeout",
        `${host} ${silences[fault.kind]}`,
        `ask whoever runs ${host}, or what stands before it, what keeps it busy`,
      );
    case "truncated":
      return fail("truncated", `${host} sent fewer bytes than it had announced`);
    case "not-http":
      return fail(
        "unexpected-response",
        phrase`${host} does not answer in HTTP (${reason})`,
        `is the port in ${host} that of a registry?`,
      );
    case "hang-up":
      return fail(
        "unreachable",
        phrase`${host} cannot be reached: ${closedIn(code, reason)}`,
        hangUpHint(about),
      );
    case "unreachable":
      return fail(
        "unreachable",
        phrase`${host} cannot be reached: ${connectionReason(code, reason)}`,
        code === "ECONNREFUSED"
          ? `is the registry running, and is the port in ${host} the right one?`
          : undefined,
      );
    case "too-large":
      return fail("too-large", reason);
    case "unsafe-redirect":
      return fail("unsafe-redirect", reason, "it was not followed; ask whoever runs the registry");
    case "too-many-redirects":
      return fail("unsafe-redirect", reason);
    case "server-error":
      return fail(
        "server-error",
        `${about.role === undefined ? host : `the ${about.role} ${originOf(about)}`} answers ${code} to all that it is asked`,
        `where it lasts, ask whoever runs ${host}; what is done stays done, and another run does the rest`,
        { status: Number(code) },
      );
    case "ended":
      return fail("unreachable", `the run ended before ${host} had answered`);
  }
}

/** What a request fails with that got no (whole) answer. */
export function connectionFailure(
  thrown: unknown,
  about: { readonly where: string; readonly host: string },
): WaybillError | TransientFailure {
  return failureOf(thrown, about, explain);
}

function originOf({ host, inTls }: About): string {
  return `${inTls ? "https" : "http"}://${host}`;
}

function connectionMessage({ code, message }: ConnectionError): string {
  return code === "unsafe-address" ? `${message}, where a registry may not send us` : message;
}

/** What a host does, or rather does not, that has been waited for. */
const silences = {
  "answer-timeout": "accepted the request but did not answer in time",
  "body-timeout": "stopped sending in the middle of its answer",
  "slow-body": "sends its answer too slowly for it ever to arrive",
  "send-timeout": "takes no more bytes of the upload",
} as const;

function connectionReason(code: string, reason: string): Phrase {
  if (code === "ECONNREFUSED") return phrase`it refuses connections (${reason})`;
  if (code === "EAI_AGAIN") return phraseOf(`the name service does not answer (${code})`);
  return { text: [code, reason].filter((text) => text !== "").join(": "), pattern: code };
}

function closedIn(code: string, reason: string): Phrase {
  return phrase`the connection was closed in the middle of a request (${phraseOf(code)}: ${reason})`;
}

function hangUpHint({ host, inTls }: About): string {
  // TLS 1.3 lets a server refuse a client after the handshake, by hanging up.
  return inTls === true
    ? `if it asks for a client certificate, name one in waybill.yaml: hosts: ${host}: tls: cert and key`
    : `ask whoever runs ${host}, or what stands before it, why it hangs up`;
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
