import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionError, type Fetch, openFetch } from "../http/index.ts";
import { ForgeError } from "./errors.ts";
import type { ForgeKind } from "./forge.ts";
import { retryAfter, waitForQuota } from "./rate-limit.ts";
import { refusalOf } from "./refusal.ts";
import { said } from "./said.ts";

/** The one way to a forge: a `fetch` that answers with successes, and throws {@link ForgeError} for all else. */
export type Wire = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Times in milliseconds. */
export interface WireTiming {
  /** For one answer to be there, whole. */
  readonly answer: number;
  /** Beyond which a forge that asks to wait is not waited for. */
  readonly longestWait: number;
  /** Before a second attempt; doubled for each further one. */
  readonly firstBackoff: number;
}

/** That a forge is waited for, so that somebody can be told. */
export interface ForgeWait {
  readonly host: string;
  readonly milliseconds: number;
  readonly reason: string;
}

export interface WireOptions {
  readonly kind: ForgeKind;
  /** For messages. */
  readonly host: string;
  /** What the API is below: its origin is the only one that is ever asked, and that the token is sent to. */
  readonly api: string;
  readonly token?: string | undefined;
  /** How the forge is reached; by the environment of this process without it. */
  readonly fetch?: Fetch | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timing?: Partial<WireTiming> | undefined;
  readonly onWait?: ((wait: ForgeWait) => void) | undefined;
}

interface Outgoing {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | undefined;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const usualTiming: WireTiming = { answer: 30_000, longestWait: 60_000, firstBackoff: 500 };
const mostAttempts = 4;
const mostRedirects = 3;
const longestAnswer = 8 * 1024 * 1024;

/**
 * Opens the way to one forge. What whoever asks need not think of: the token, which goes to the API's origin and
 * nowhere else; that all bodies are JSON; redirects, which are followed there alone; the size of answers and the time they take; quotas, which
 * are waited for when that is short; and attempts, of which reading gets some more when the forge fails or a connection breaks.
 * Writing gets no second one, because nobody knows what became of the first.
 */
export function openWire(options: WireOptions): Wire {
  const { kind, host, signal, fetch = openFetch({ environment: process.env }) } = options;
  const timing = { ...usualTiming, ...options.timing };
  const origin = new URL(options.api).origin;
  const secrets = options.token === undefined ? [] : [options.token];
  const authorization = authorizationOf(kind, options.token);

  const send = async (request: Outgoing): Promise<Answer> => {
    const limit = AbortSignal.timeout(timing.answer);
    const headers = new Headers(request.headers);
    if (authorization !== undefined) headers.set("authorization", authorization);
    const response = await fetch(request.url, {
      method: request.method,
      headers,
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
      ...(request.body === undefined ? {} : { body: request.body }),
    });
    return { status: response.status, headers: response.headers, text: await readText(response, host) };
  };

  const follow = async (request: Outgoing): Promise<Answer> => {
    let current = request;
    for (let hop = 0; ; hop += 1) {
      const answer = await send(current);
      const next = redirected(current, answer, origin, host);
      if (next === undefined) return answer;
      if (hop === mostRedirects) throw strayed(host, "from one redirect to the next without end");
      current = next;
    }
  };

  const pause = async (milliseconds: number, reason: string): Promise<void> => {
    options.onWait?.({ host, milliseconds, reason });
    try {
      await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      // The reason that was given, not that of the clock.
      signal?.throwIfAborted();
      throw error;
    }
  };

  return async (input, init = {}) => {
    const request = outgoing(input, init, origin, host);
    const mayRepeat = request.method === "GET" || request.method === "HEAD";
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt === mostAttempts;
      const backoff = timing.firstBackoff * 2 ** (attempt - 1);
      let answer: Answer;
      try {
        answer = await follow(request);
      } catch (thrown) {
        signal?.throwIfAborted();
        if (thrown instanceof ForgeError) throw thrown;
        const failure = connectionFailure(thrown, request, host, secrets);
        if (!mayRepeat || isLast || !failure.mayPass) throw failure.error;
        await pause(backoff, failure.error.message);
        continue;
      }
      if (answer.status >= 200 && answer.status < 300) return responseOf(answer);
      const refused = refusalOf({
        ...{ kind, host, secrets, ...answer },
        ...{ method: request.method, path: request.url.pathname, known: options.token !== undefined },
      });
      const quota = waitForQuota(answer, Date.now());
      if (quota !== undefined) {
        if (isLast || quota > timing.longestWait) throw rateLimited(host, quota, refused.message);
        await pause(quota, "it wants to be asked less often");
        continue;
      }
      const failed = answer.status === 502 || answer.status === 503 || answer.status === 504;
      const asked = retryAfter(answer.headers, Date.now());
      if (!failed || !mayRepeat || isLast || (asked ?? 0) > timing.longestWait) throw refused;
      await pause(asked ?? backoff, refused.message);
    }
  };
}

function authorizationOf(kind: ForgeKind, token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  // All kinds of GitLab's tokens are taken as a bearer's; Gitea before 1.20 knows its own word alone.
  return kind === "gitea" ? `token ${token}` : `Bearer ${token}`;
}

function outgoing(input: string | URL | Request, init: RequestInit, origin: string, host: string): Outgoing {
  const url = new URL(input instanceof Request ? input.url : input);
  if (url.origin !== origin) throw strayed(host, `to ${url.host}, which is not asked`);
  const { body } = init;
  if (body !== undefined && body !== null && typeof body !== "string") {
    throw new TypeError("only text is sent to a forge");
  }
  const headers = new Headers(init.headers);
  headers.delete("authorization");
  if (!headers.has("user-agent")) headers.set("user-agent", "waybill");
  // Clients leave it out of some calls, and a forge refuses those.
  if (typeof body === "string" && !headers.has("content-type")) {
    headers.set("content-type", "application/json");
  }
  return { url, method: (init.method ?? "GET").toUpperCase(), headers, body: body ?? undefined };
}

/**
 * What is to be asked next after a redirect: repositories that were renamed are found so. Only at the same origin, only the same
 * method, and of writing only where the status says that the method stays.
 */
function redirected(request: Outgoing, answer: Answer, origin: string, host: string): Outgoing | undefined {
  const location = answer.headers.get("location");
  if (answer.status < 300 || answer.status >= 400 || location === null) return undefined;
  if (!URL.canParse(location, request.url.href)) throw strayed(host, "to something that is no address");
  const url = new URL(location, request.url);
  if (url.origin !== origin) throw strayed(host, `to ${said(url.host, [])}, which gets no token of yours`);
  const keepsMethod = answer.status === 307 || answer.status === 308;
  return request.method === "GET" || request.method === "HEAD" || keepsMethod
    ? { ...request, url }
    : undefined;
}

function strayed(host: string, where: string): ForgeError {
  return new ForgeError("unexpected-answer", `${host} leads ${where}`, {
    where: host,
    hint: "it was not followed; if the forge has moved, name its new host",
  });
}

async function readText(response: Response, host: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > longestAnswer) {
      throw new ForgeError("unexpected-answer", `${host} answers with more than ${longestAnswer} bytes`, {
        where: host,
      });
    }
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** The answer for the clients: whole, and no longer connected to anything. */
function responseOf({ status, headers, text }: Answer): Response {
  const kept = new Headers(headers);
  for (const name of ["content-encoding", "content-length", "transfer-encoding"]) kept.delete(name);
  const isEmpty = status === 204 || status === 205;
  return new Response(isEmpty ? null : text, { status, headers: kept });
}

function rateLimited(host: string, milliseconds: number, message: string): ForgeError {
  const at = new Date(Date.now() + milliseconds).toISOString();
  return new ForgeError("rate-limited", `${host} was asked too often: ${message}`, {
    where: host,
    hint: `it may be asked again at ${at}`,
  });
}

/** A request without a whole answer, and whether the next attempt may go better. */
function connectionFailure(
  thrown: unknown,
  request: Outgoing,
  host: string,
  secrets: readonly string[],
): { readonly error: ForgeError; readonly mayPass: boolean } {
  const cause = innermost(thrown);
  if (cause instanceof ConnectionError) {
    const { message, where, hint } = cause;
    return { error: new ForgeError("unreachable", message, { where, hint, cause }), mayPass: false };
  }
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const text = said(cause instanceof Error ? cause.message : String(cause), secrets);
  const isTimeout = cause instanceof Error && cause.name === "TimeoutError";
  const isTls = /CERT|SELF_SIGNED|ISSUER|LEAF_SIGNATURE|^ERR_SSL|^ERR_TLS|^EPROTO$/.test(code);
  const isName = code === "ENOTFOUND";
  const isProxy = code === "proxy";
  const what = isTimeout
    ? "it does not answer in time"
    : [code, text].filter((part) => part !== "").join(": ");
  const wasSent = request.method !== "GET" && !isTls && !isName && !isProxy && code !== "ECONNREFUSED";
  const hint = isTls
    ? `name the file of its authority in waybill.yaml: hosts: ${host}: tls: ca`
    : isProxy
      ? "look at HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY"
      : isName
        ? "look for a typing error in its name, or set HTTPS_PROXY if there is no direct way out"
        : wasSent
          ? "it may have been done all the same: look, or run the command again, which looks first"
          : "is it running, and is there a way to it from here?";
  return {
    error: new ForgeError("unreachable", `${host} cannot be reached: ${what}`, {
      ...{ where: host, hint },
      cause: new Error(text),
    }),
    mayPass: !isTls && !isName,
  };
}

function innermost(thrown: unknown): unknown {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return innermost(thrown.errors[0]);
  return thrown instanceof Error && thrown.cause instanceof Error ? innermost(thrown.cause) : thrown;
}
