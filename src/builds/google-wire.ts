import { setTimeout as sleep } from "node:timers/promises";
import { harmless, messageOf } from "../errors/index.ts";
import { type Fetch, openFetch } from "../http/index.ts";
import { BuildError, type BuildErrorCode } from "./errors.ts";

/** Gives an access token; a fresh one where the last was refused. */
export type TokenSource = (wanted: { readonly isFresh: boolean }) => Promise<string>;

/** A request to an API of Google. */
export interface GoogleRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each attempt. */
  readonly body?: () => string | ReadableStream<Uint8Array>;
  /** Whether it does no harm when it is done twice: only then it is tried again when no answer came. */
  readonly mayRepeat: boolean;
  /** Statuses that are no failure, beside 2xx. */
  readonly alsoFine?: readonly number[];
  /** Bytes that an answer may have; 4 MiB by default. */
  readonly mostBytes?: number;
}

/** What an API has answered. */
export interface GoogleAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

/** Speaks to APIs of Google. @throws {BuildError} of the codes that it was opened with; the reason of the signal. */
export type GoogleWire = (request: GoogleRequest) => Promise<GoogleAnswer>;

/** Times that a request is tried. */
const attempts = 5;
/** Longest wait that a server may ask for. */
const longestWait = 60_000;
const answerMilliseconds = 60_000;
const defaultMostBytes = 4 * 1024 * 1024;

/**
 * Opens a wire. Refusals because there were too many requests, and servers that fail, are waited for: as long as they say,
 * else twice as long each time. A token that is refused is replaced once. Redirects are not followed: a token is for the
 * host that was asked.
 */
export function openGoogleWire(options: {
  readonly token: TokenSource;
  readonly signal: AbortSignal;
  readonly refused: BuildErrorCode;
  readonly unreachable: BuildErrorCode;
  /** How Google is reached; by the environment of this process without it. */
  readonly fetch?: Fetch | undefined;
  /** The first wait, which the next ones double. */
  readonly firstWait?: number;
}): GoogleWire {
  const { fetch = openFetch({ environment: process.env }), signal, firstWait = 1_000 } = options;
  let token: string | undefined;
  return async (request) => {
    let hasRenewed = false;
    for (let attempt = 1; ; attempt++) {
      token ??= await options.token({ isFresh: hasRenewed });
      let wait = firstWait * 2 ** (attempt - 1);
      try {
        const answer = await once(request, token, { fetch, signal });
        const isFine = answer.status < 300 || request.alsoFine?.includes(answer.status) === true;
        if (isFine) return answer;
        if (answer.status === 401 && !hasRenewed) {
          hasRenewed = true;
          token = await options.token({ isFresh: true });
          continue;
        }
        const mayPass = answer.status === 429 || (answer.status >= 500 && request.mayRepeat);
        if (!mayPass || attempt >= attempts) throw refusal(request, answer, options.refused);
        wait = waitOf(answer) ?? wait;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof BuildError) throw error;
        if (!request.mayRepeat || attempt >= attempts) throw silence(request, error, options.unreachable);
      }
      await sleep(Math.min(wait, longestWait), undefined, { signal });
    }
  };
}

async function once(
  request: GoogleRequest,
  token: string,
  { fetch, signal }: { readonly fetch: Fetch; readonly signal: AbortSignal },
): Promise<GoogleAnswer> {
  const body = request.body?.();
  const response = await fetch(request.url, {
    method: request.method,
    headers: { ...request.headers, authorization: `Bearer ${token}` },
    // An upload takes as long as it takes.
    signal:
      typeof body === "object" ? signal : AbortSignal.any([signal, AbortSignal.timeout(answerMilliseconds)]),
    ...(body === undefined ? {} : { body }),
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > (request.mostBytes ?? defaultMostBytes))
      throw new Error("the answer is larger than anybody asked for");
    chunks.push(chunk);
  }
  return { status: response.status, headers: response.headers, bytes: Buffer.concat(chunks) };
}

/** Seconds, or a date, in `Retry-After` (RFC 9110, 10.2.3). */
function waitOf({ headers }: GoogleAnswer): number | undefined {
  const said = headers.get("retry-after");
  if (said === null) return undefined;
  const milliseconds = /^\d+$/.test(said) ? Number(said) * 1000 : Date.parse(said) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}

function refusal({ url }: GoogleRequest, { status, bytes }: GoogleAnswer, code: BuildErrorCode): BuildError {
  const hints: Readonly<Record<number, string>> = {
    401: 'log in again: "gcloud auth login", or give a new GOOGLE_OAUTH_ACCESS_TOKEN',
    403: "the account that the token is of lacks the permission that the answer names",
    404: "see whether the project, and what is asked of it, is spelt right",
    429: "the project's quota is used up: run again later",
  };
  const { host } = new URL(url);
  return new BuildError(code, `${host} refused: ${status} ${said(bytes)}`.trimEnd(), {
    where: host,
    hint: hints[status],
  });
}

/** The message in an error of Google's APIs. */
function said(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } };
    if (typeof error?.message === "string") return harmless(error.message.slice(0, 500));
  } catch {
    // Proxies answer with pages.
  }
  return harmless(text.slice(0, 200));
}

function silence({ url }: GoogleRequest, cause: unknown, code: BuildErrorCode): BuildError {
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  const { host } = new URL(url);
  return new BuildError(code, `${host} gave no answer: ${harmless(messageOf(inner))}`, {
    where: host,
    cause,
  });
}
