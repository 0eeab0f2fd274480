import { type Phrase, phrase, phraseOf } from "../../errors/index.ts";
import {
  type Answer,
  type AnswerHead,
  answerDetails,
  demandedWait,
  headerOf,
  isTransientStatus,
} from "../../http/index.ts";
import { type Digest, formatReference, isDigest, type Target } from "../../oci/index.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import type { HostClient } from "../host/host-client.ts";
import { type LastingReason, lastingReasonOf } from "../host/judge.ts";
import { readServerErrors, saidBehind, saysPlainHttp } from "../host/server-text.ts";
import { missingRepository, saysMissing } from "./missing-repository.ts";
import { type AskedRepository, failed, type Remote } from "./remote.ts";

/** The digest that a registry says what it holds has, where it says one. */
export function statedDigest(answer: AnswerHead): Digest | undefined {
  const stated = headerOf(answer, "docker-content-digest") ?? "";
  return isDigest(stated) ? stated : undefined;
}

/**
 * What an answer means that is not the one hoped for.
 * @param doing What was tried, as the subject of a sentence: `reading a blob`.
 */
export async function refusal(
  asked: AskedRepository,
  answer: Answer,
  doing: string,
  target?: Target,
): Promise<RegistryError> {
  const where = target === undefined ? asked.name : formatReference(asked.name, target);
  const { host } = asked.client.endpoint;
  const { status } = answer;
  const errors = readServerErrors(answer.bytes, answer.secrets);
  const make: Make = (code, message, hint) => {
    const said = phraseOf(message);
    return new RegistryError(code, phrase`${phraseOf(doing)}: ${said}${saidBehind(errors)}`, {
      ...answerDetails(answer),
      ...{ where, hint },
    });
  };
  if (answer.from.origin !== asked.client.endpoint.origin.origin) return elsewhere(make, answer);
  if (status === 401 || status === 403) {
    const source = await asked.client.credentialSource(asked.path);
    return status === 401 ? unauthorized(make, host, source) : denied(make, host, source);
  }
  if (errors !== undefined && saysMissing(answer, errors)) return missingRepository(asked, answer, errors);
  if (status === 408) {
    const hint = `ask whoever runs ${host}, or what stands before it, how long a request may take; chunkSize in waybill.yaml: hosts: ${host} makes shorter ones`;
    return make("timeout", "the registry gave the request up (408)", hint);
  }
  if (status === 413) {
    return make(
      "request-too-large",
      "the registry, or what stands before it, takes no request of so many bytes (413)",
      sizeHint(asked.client),
    );
  }
  if (status === 429) return spent(make, answer, host, await asked.client.credentialSource(asked.path));
  if (status >= 500) {
    const reason = lastingReasonOf(answer) ?? (isTransientStatus(status) ? undefined : "refused");
    return make("server-error", `the registry answered ${status}`, serverErrorHint(reason));
  }
  if (status >= 300 && status < 400) {
    return make(
      "unsafe-redirect",
      `the registry answered with a redirect (${status}), which is not followed here`,
      "if the registry has moved, name its new host in the manifests; else ask whoever runs it",
    );
  }
  if (saysPlainHttp(status, answer.bytes)) {
    return make(
      "tls",
      "the registry wants TLS, but was spoken to in plain HTTP",
      `in waybill.yaml: hosts: ${host}: http: false`,
    );
  }
  const hint = `what it says is why; where that does not help, ask whoever runs ${host}, or what stands before it`;
  return make("unexpected-response", `the registry answered ${status}`, hint);
}

/** That a registry will not have an image manifest, for another reason than that something it refers to is missing. */
export function refusedManifest(
  asked: AskedRepository,
  answer: Answer,
  message: string | Phrase,
  where: string,
): RegistryError {
  const said = readServerErrors(answer.bytes, answer.secrets);
  if (said !== undefined && saysMissing(answer, said)) return missingRepository(asked, answer, said);
  const { host } = asked.client.endpoint;
  const hint =
    answer.status === 413
      ? `raise the limit of ${host} for requests, or that of the proxy before it: a manifest cannot be sent in parts`
      : said === undefined
        ? `it does not say why: ask whoever runs ${host}, or what stands before it`
        : "another attempt is answered the same: push the image again in a form that the registry takes, or ask whoever runs it";
  return new RegistryError("manifest-refused", message, { ...answerDetails(answer), where, hint });
}

function sizeHint({ endpoint, settings }: HostClient): string {
  const place = `waybill.yaml: hosts: ${endpoint.host}`;
  if (settings.chunkBytes === undefined) {
    return `set chunkSize in ${place}, below what it takes, such as 10MiB; or raise the limit of the proxy before the registry`;
  }
  return `chunkSize in ${place} is ${settings.chunkBytes} bytes: set a smaller one, or raise the limit of the proxy before the registry`;
}

/** A limit that is used up: for hours, where the registry says so, or for a moment. */
function spent(make: Make, answer: Answer, host: string, source: string | undefined): RegistryError {
  const now = Date.now();
  const wait = demandedWait((name) => headerOf(answer, name), now);
  const pace = `set requestsPerSecond in waybill.yaml: hosts: ${host}`;
  if (wait === undefined || wait < 60_000) {
    return make("rate-limited", "the registry allows no more requests for now (429)", pace);
  }
  const until = `${new Date(now + wait).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const more =
    source === undefined
      ? `a login has a limit of its own: waybill login ${host}`
      : `the limit is that of the credentials from ${source}: use others, or have it raised`;
  return make(
    "rate-limited",
    phrase`its limit is used up (429), until ${until} at the latest`,
    `run again then; ${more}`,
  );
}

function serverErrorHint(reason: LastingReason | undefined): string {
  const hints: Readonly<Record<LastingReason, string>> = {
    full: "make room in the registry, or raise the quota, and run again",
    "read-only": "it is not written to before whoever runs the registry allows that again",
    refused: "another attempt is answered the same: ask whoever runs the registry",
  };
  const passing =
    "what is done stays done, and another run does the rest; where it lasts, ask whoever runs the registry";
  return reason === undefined ? passing : hints[reason];
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

type Make = (code: RegistryErrorCode, message: string | Phrase, hint?: string | Phrase) => RegistryError;

function unauthorized(make: Make, host: string, source: string | undefined): RegistryError {
  if (source === undefined) {
    return make(
      "unauthorized",
      "the registry wants credentials and there are none for it",
      `log in to ${host}, for example with: waybill login ${host}`,
    );
  }
  return make(
    "unauthorized",
    `the registry refused the credentials from ${source}`,
    `check whether they are current, or log in again: waybill login ${host}`,
  );
}

function denied(make: Make, host: string, source: string | undefined): RegistryError {
  const hint =
    source === undefined
      ? `there are no credentials for this repository: log in, for example with: waybill login ${host}`
      : `ask whoever runs ${host} for the right, or use other credentials: these are from ${source}`;
  return make("denied", "this is not allowed", hint);
}

/**
 * Codes by which registries say that they have no such manifest, tag or repository: those of the distribution
 * specification, Harbor's (`NOT_FOUND`), and Quay's for tags whose time is over.
 */
const absences: ReadonlySet<string> = new Set([
  "MANIFEST_UNKNOWN",
  "NAME_UNKNOWN",
  "NOT_FOUND",
  "TAG_EXPIRED",
]);

/**
 * Whether an answer of 404 says in a registry's own form (distribution specification, "Error Codes") that what was asked
 * for is not there. Web pages, bare answers and other errors do not.
 */
export function saysAbsent(answer: Pick<Answer, "bytes">): boolean {
  const codes = readServerErrors(answer.bytes, [])?.codes ?? [];
  return codes.length > 0 && codes.every((code) => absences.has(code.toUpperCase()));
}

/** A 404 that proves nothing. @param doing What was tried, as the subject of a sentence. */
export function unproven(remote: Remote, answer: Answer, doing: string, target?: Target): RegistryError {
  const said = readServerErrors(answer.bytes, answer.secrets);
  const message = phrase`${phraseOf(doing)}: the answer was 404, but not as registries say that something is not there${saidBehind(said)}`;
  const hint = `it may be there: ask whoever runs ${answer.from.host}, or what stands before it`;
  return failed(remote, target, "absence-unproven", message, hint, answer);
}
