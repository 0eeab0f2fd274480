import {
  type About,
  type Answer,
  answerDetails,
  ConnectionError,
  endpointAt,
  type Fault,
  headerOf,
  isSuccess,
  type Kinds,
  type OriginEvent,
  openOrigin,
  type Passing,
  readRetryAfter,
  timingWithin,
  waitOf,
} from "../http/index.ts";
import { ForgeError } from "./errors.ts";
import type { ForgeOptions } from "./open.ts";
import { type Refused, refusalOf } from "./refusal.ts";
import { said } from "./said.ts";
import type { ForgeTokenSource } from "./token/source.ts";

/** The one way to a forge: a `fetch` that answers with successes, and throws {@link ForgeError} for all else. */
export type Wire = (url: string, init?: RequestInit) => Promise<Response>;

/** Times in milliseconds. */
export interface WireTiming {
  /** For one answer to begin, and for it to be there, whole. */
  readonly answer: number;
  /** Beyond which a forge that asks to wait is not waited for. */
  readonly maxWait: number;
  /** Before a second attempt; doubled for each further one. */
  readonly firstBackoff: number;
}

/** A forge is waited for. */
export type ForgeWait = Extract<OriginEvent<never>, { readonly type: "waiting" }>;

/** What a forge is opened with, its host checked. */
export interface WireOptions extends Omit<ForgeOptions, "http" | "token"> {
  readonly token?: ForgeTokenSource | undefined;
  /** What the API is below: its origin is the only one that is ever asked, and that the token is sent to. */
  readonly api: string;
}

/** Writing gets no second attempt where no answer came, because nobody knows what became of the first. */
type Asked = "read" | "write";
const kinds: Kinds<Asked> = {
  read: { operation: "read" },
  write: { operation: "write", isOnce: true },
};

const usualTiming: WireTiming = { answer: 30_000, maxWait: 60_000, firstBackoff: 500 };
const limit = 16;
const retries = 3;
const maxRedirects = 3;
const maxSecrets = 8;
const maxAnswerBytes = 8 * 1024 * 1024;

/**
 * Opens the way to one forge. What whoever asks need not think of: the token, which goes to the API's origin and
 * nowhere else; that all bodies are JSON; redirects, which are followed there alone, and by which repositories that were
 * renamed are found; the size of answers and the time they take; quotas, which are waited for when that is short; and
 * attempts, of which reading gets some more when the forge fails or a connection breaks.
 */
export function openWire(options: WireOptions): Wire {
  const { kind, host, token, signal, listener, network = { environment: process.env } } = options;
  const timing = { ...usualTiming, ...options.timing };
  const api = new URL(options.api);
  /** All tokens that were shown: none of them belongs into a message. */
  const secrets: string[] = [];
  const authorizationOf = (shown: string): string => {
    if (!secrets.includes(shown)) secrets.unshift(shown);
    // What has ended long ago is worth nothing any more.
    secrets.splice(maxSecrets);
    // All kinds of GitLab's tokens are taken as a bearer's; Gitea before 1.20 knows its own word alone.
    return kind === "gitea" ? `token ${shown}` : `Bearer ${shown}`;
  };
  const known = token !== undefined;
  const tell = (milliseconds: number, reason: string) =>
    listener?.({ type: "waiting", host, milliseconds, reason });
  const origin = openOrigin<Asked>({
    ...network,
    ...{ endpoint: endpointAt(api), kinds, limit, retries, maxRedirects, signal, isExpected: true },
    timing: {
      ...timingWithin(timing.answer),
      ...{ firstBackoff: timing.firstBackoff, maxRetryAfter: timing.maxWait },
    },
    explain: (fault, about) => explained(fault, about, host, secrets),
    async authorize(_, send) {
      if (token === undefined) return send(undefined);
      const shown = await token.current();
      const answer = await send(authorizationOf(shown));
      if (answer.status !== 401) return answer;
      // Nothing was done: who is not let in may say it once more by another token.
      const other = await token.renewed(shown);
      if (other === undefined) return answer;
      answer.body.destroy();
      return send(authorizationOf(other));
    },
    judge: (answer, asked) =>
      passingIn(answer, asked === "read", () =>
        failureIn(answer, { kind, host, secrets, known, method: "GET" }),
      ),
    listener: (event) => {
      if (event.type === "retry") tell(event.waitMilliseconds, event.reason);
      else if (event.type === "away") tell(timing.firstBackoff, event.failure.message);
    },
  });

  return async (address, init = {}) => {
    const { url, method, headers, body } = outgoing(address, init, api.origin, host);
    const asked = method === "GET" || method === "HEAD" ? "read" : "write";
    const answer = await origin.send(
      {
        ...{ kind: asked, method, url, headers: Object.fromEntries(headers), follow: "own-origin" },
        ...{ where: host, body: body === undefined ? undefined : async () => body },
      },
      maxAnswerBytes,
    );
    const isUnchanged = answer.status === 304 && headers.has("if-none-match");
    if (isSuccess(answer) || isUnchanged) return responseOf(answer);
    throw failureIn(answer, { kind, host, secrets, known, method });
  };
}

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

function outgoing(address: string, init: RequestInit, origin: string, host: string) {
  const url = new URL(address);
  if (url.origin !== origin) throw strayed(host, `to ${url.host}, which is not asked`);
  const { body } = init;
  const method = methods.find((known) => known === (init.method ?? "GET").toUpperCase());
  if ((body !== undefined && body !== null && typeof body !== "string") || method === undefined) {
    throw new TypeError("only text is sent to a forge, by the methods of its API");
  }
  const headers = new Headers(init.headers);
  headers.delete("authorization");
  // Clients leave it out of some calls, and a forge refuses those.
  if (typeof body === "string" && !headers.has("content-type")) {
    headers.set("content-type", "application/json");
  }
  return { url, method, headers, body: body ?? undefined };
}

/** What is asked again: all that was refused for its number alone, and reading where the forge fails for a moment. */
function passingIn(answer: Answer, isReading: boolean, failure: () => ForgeError): Passing | undefined {
  const { status } = answer;
  const quota = waitForQuota(answer);
  if (quota !== undefined) {
    const reason = "it wants to be asked less often";
    return { reason, fault: "rate-limited", retryAfter: quota, isNotYet: false };
  }
  const failed = status === 502 || status === 503 || status === 504;
  if (!failed || !isReading) return undefined;
  const { message: reason, code: fault } = failure();
  return { reason, fault, retryAfter: waitOf(answer), isNotYet: false };
}

/** What GitHub asks for where it names no time ("Best practices for using the REST API"). */
const unnamedWait = 60_000;

/**
 * The milliseconds after which a forge that refuses because it was asked too often may be asked again; `undefined`
 * when it refuses for another reason. GitHub says it with 403 or 429, the others with 429; either by `Retry-After`
 * (RFC 9110, section 10.2.3), or by the time at which a used-up quota is filled again: `x-ratelimit-reset` of GitHub,
 * `ratelimit-reset` of GitLab, both in seconds since 1970 by the forge's clock.
 */
function waitForQuota(answer: Answer): number | undefined {
  const { status, bytes } = answer;
  if (status !== 429 && status !== 403) return undefined;
  const now = Date.parse(headerOf(answer, "date") ?? "") || Date.now();
  const asked = readRetryAfter(headerOf(answer, "retry-after"), now);
  if (asked !== undefined) return asked;
  const quota = (name: string) =>
    headerOf(answer, `x-ratelimit-${name}`) ?? headerOf(answer, `ratelimit-${name}`);
  const reset = quota("remaining")?.trim() === "0" ? readRetryAfter(quota("reset"), now) : undefined;
  if (reset !== undefined) return reset;
  return status === 429 || /\brate limit/i.test(textOf(bytes)) ? unnamedWait : undefined;
}

function failureIn(
  answer: Answer,
  asked: Pick<Refused, "kind" | "host" | "secrets" | "method" | "known">,
): ForgeError {
  const { from } = answer;
  const { status = 0, requestId } = answerDetails(answer);
  const { host } = asked;
  const location = headerOf(answer, "location");
  if (status >= 300 && status < 400 && location !== undefined) {
    if (!URL.canParse(location, from.href)) return strayed(host, "to something that is no address");
    const to = new URL(location, from);
    if (to.origin !== from.origin) {
      return strayed(host, `to ${said(to.host, [])}, which gets no token of yours`);
    }
  }
  const headers = headersOf(answer);
  const refused = refusalOf({
    ...{ ...asked, status, requestId, headers },
    ...{ path: from.pathname, text: textOf(answer.bytes) },
  });
  const quota = waitForQuota(answer);
  if (quota === undefined) return refused;
  const at = new Date(Date.now() + quota).toISOString();
  return new ForgeError("rate-limited", `${host} was asked too often: ${refused.message}`, {
    ...{ where: host, status, requestId },
    hint: `it may be asked again at ${at}`,
  });
}

function strayed(host: string, where: string): ForgeError {
  return new ForgeError("unexpected-answer", `${host} leads ${where}`, {
    where: host,
    hint: "it was not followed; if the forge has moved, name its new host",
  });
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function headersOf({ headers }: Answer): Headers {
  const kept = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const text of typeof value === "string" ? [value] : (value ?? [])) kept.append(name, text);
  }
  return kept;
}

/** The answer for the clients: whole, and no longer connected to anything. */
function responseOf(answer: Answer): Response {
  const { status, bytes } = answer;
  const headers = headersOf(answer);
  for (const name of ["content-encoding", "content-length", "transfer-encoding"]) headers.delete(name);
  // Whatever a server calls it; what is none is refused by whoever reads it.
  headers.set("content-type", "application/json");
  const isEmpty = status === 204 || status === 205 || status === 304;
  return new Response(isEmpty ? null : textOf(bytes), { status, headers });
}

function explained(fault: Fault, { kind }: About, host: string, secrets: readonly string[]): ForgeError {
  const text = said(fault.reason, secrets);
  if (fault.kind === "too-large") {
    return new ForgeError("unexpected-answer", `${host} answers with more than ${maxAnswerBytes} bytes`, {
      where: host,
    });
  }
  if (fault.kind === "too-many-redirects") return strayed(host, "from one redirect to the next without end");
  if (fault.cause instanceof ConnectionError) {
    const { message, where, hint } = fault.cause;
    return new ForgeError("unreachable", message, { where, hint, cause: fault.cause });
  }
  const isTimeout = fault.kind.endsWith("-timeout") || fault.kind === "slow-body";
  const what = isTimeout
    ? "it does not answer in time"
    : [fault.code, text].filter((part) => part !== "").join(": ");
  return new ForgeError("unreachable", `${host} cannot be reached: ${what}`, {
    ...{ where: host, cause: new Error(text) },
    hint: hintFor(fault, kind === "write", host),
  });
}

function hintFor({ kind, code }: Fault, isWriting: boolean, host: string): string {
  if (kind === "tls") return `name the file of its authority in waybill.yaml: hosts: ${host}: tls: ca`;
  if (kind === "proxy") return "look at HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY";
  if (kind === "unknown-name") {
    return "look for a typing error in its name, or set HTTPS_PROXY if there is no direct way out";
  }
  return isWriting && code !== "ECONNREFUSED"
    ? "it may have been done all the same: look, or run the command again, which looks first"
    : "is it running, and is there a way to it from here?";
}
