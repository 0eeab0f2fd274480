import { formatReference, type Target } from "../../oci/index.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import { type Answer, type HostClient, lastingReasonOf } from "../host/host-client.ts";
import type { LastingReason } from "../host/lasting.ts";
import { readServerErrors, saysPlainHttp } from "../host/server-text.ts";

/** What was asked for something: a repository, or a registry as a whole. */
interface Asked {
  readonly client: HostClient;
  /** What messages show. */
  readonly name: string;
  /** The path whose credential counts. */
  readonly path: string;
}

/**
 * What an answer means that is not the one hoped for.
 * @param doing What was tried, as the subject of a sentence: `reading a blob`.
 */
export async function refusal(
  asked: Asked,
  answer: Answer,
  doing: string,
  target?: Target,
): Promise<RegistryError> {
  const where = target === undefined ? asked.name : formatReference(asked.name, target);
  const { host } = asked.client.endpoint;
  const { status } = answer;
  const errors = readServerErrors(answer.bytes, answer.secrets);
  const said = errors === undefined ? "" : `: ${errors.text}`;
  const make = (code: RegistryErrorCode, message: string, hint?: string) =>
    new RegistryError(code, `${doing}: ${message}${said}`, { where, hint });
  if (answer.from.origin !== asked.client.endpoint.origin.origin) return elsewhere(make, answer);
  if (status === 401 || status === 403) {
    const source = await asked.client.credentialSource(asked.path);
    return status === 401 ? unauthorized(make, host, source) : denied(make, source);
  }
  if (status === 408) return make("timeout", "the registry gave the request up (408)");
  if (status === 429) {
    return make(
      "rate-limited",
      "the registry allows no more requests for now (429)",
      `run again later, or set requestsPerSecond in waybill.yaml: hosts: ${host}`,
    );
  }
  if (status >= 500) {
    return make("server-error", `the registry answered ${status}`, serverErrorHint(lastingReasonOf(answer)));
  }
  if (status >= 300 && status < 400) {
    return make(
      "unsafe-redirect",
      `the registry answered with a redirect (${status}), which is not followed here`,
    );
  }
  if (saysPlainHttp(status, answer.bytes)) {
    return make(
      "tls",
      "the registry wants TLS, but was spoken to in plain HTTP",
      `in waybill.yaml: hosts: ${host}: http: false`,
    );
  }
  return make("unexpected-response", `the registry answered ${status}`);
}

function serverErrorHint(reason: LastingReason | undefined): string {
  const hints: Readonly<Record<LastingReason, string>> = {
    full: "make room in the registry, or raise the quota, and run again",
    "read-only": "it is not written to before whoever runs the registry allows that again",
    refused: "another attempt is answered the same: ask whoever runs the registry",
  };
  return reason === undefined ? "run again later: what is done stays done" : hints[reason];
}

/** A refusal by a host that the registry sent us to, which has seen no credential of ours. */
function elsewhere(make: Make, { from, status }: Answer): RegistryError {
  const codes: Readonly<Record<number, RegistryErrorCode>> = {
    401: "denied",
    403: "denied",
    429: "rate-limited",
  };
  return make(
    codes[status] ?? (status >= 500 ? "server-error" : "unexpected-response"),
    `${from.host}, where the registry sends us, answered ${status}`,
    "it was asked without credentials, as the registry's redirect has to be enough; ask whoever runs the registry",
  );
}

type Make = (code: RegistryErrorCode, message: string, hint?: string) => RegistryError;

function unauthorized(make: Make, host: string, source: string | undefined): RegistryError {
  if (source === undefined) {
    return make(
      "unauthorized",
      "the registry wants credentials and there are none for it",
      `log in to ${host}, for example with: docker login ${host}`,
    );
  }
  return make(
    "unauthorized",
    `the registry refused the credentials from ${source}`,
    `check whether they are current, or log in again: docker login ${host}`,
  );
}

function denied(make: Make, source: string | undefined): RegistryError {
  const hint =
    source === undefined
      ? "there are no credentials for this repository"
      : `the credentials are from ${source}`;
  return make("denied", "this is not allowed", hint);
}
