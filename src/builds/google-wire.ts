import type { Readable } from "node:stream";
import { harmless } from "../errors/index.ts";
import {
  type About,
  type Answer,
  answerDetails,
  drain,
  endpointAt,
  type Fault,
  faultInWords,
  isSuccess,
  type Kinds,
  type Network,
  type Origin,
  openOrigin,
  type Passing,
  type StreamedAnswer,
  timingWithin,
  waitOf,
} from "../http/index.ts";
import { BuildError, type BuildErrorCode } from "./errors.ts";

/** Gives an access token; a fresh one where the last was refused. */
export type TokenSource = (wanted: { readonly isFresh: boolean }) => Promise<string>;

export interface GoogleRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each attempt. */
  readonly body?: () => string | Readable;
  /** Whether it does no harm when it is done twice: only then it is tried again when no answer came. */
  readonly mayRepeat: boolean;
  /** Statuses that are no failure, beside 2xx. */
  readonly alsoFine?: readonly number[];
  /** Bytes that an answer may have; 4 MiB by default. */
  readonly maxBytes?: number;
  /** Milliseconds for the answer once all has been sent; a minute by default. */
  readonly answerWithin?: number;
}

/** Speaks to APIs of Google. @throws {BuildError} of the codes that it was opened with; the reason of the signal. */
export type GoogleWire = (request: GoogleRequest) => Promise<Pick<Answer, "status" | "bytes">>;

export interface GoogleWireOptions extends Pick<GoogleOriginOptions, "signal" | "unreachable" | "firstWait"> {
  readonly token: TokenSource;
  readonly refused: BuildErrorCode;
  /** How Google is reached; by the environment of this process without it. */
  readonly network?: Network | undefined;
}

type Asked = "repeatable" | "once";
const kinds: Kinds<Asked> = {
  repeatable: { operation: "request" },
  once: { operation: "request", isOnce: true },
};

const limit = 16;
const maxWait = 60_000;
const defaultMaxBytes = 4 * 1024 * 1024;

/**
 * Opens a wire. Refusals because there were too many requests, and servers that fail, are waited for: as long as they say,
 * else twice as long each time. A token that is refused is replaced once. Redirects are not followed: a token is for the
 * host that was asked.
 */
export function openGoogleWire(options: GoogleWireOptions): GoogleWire {
  const { refused, token, ...how } = options;
  const origins = new Map<string, Origin<Asked>>();
  const authorize = authorizing(token);
  const originOf = (url: URL): Origin<Asked> => {
    const known = origins.get(url.origin);
    if (known !== undefined) return known;
    const opened = openGoogleOrigin(url, { ...how, authorize });
    origins.set(url.origin, opened);
    return opened;
  };

  return async ({ url: address, body, mayRepeat, alsoFine, maxBytes, ...request }) => {
    const url = new URL(address);
    const answer = await originOf(url).send(
      {
        ...request,
        ...{ kind: mayRepeat ? "repeatable" : "once", url, where: url.host },
        body: body === undefined ? undefined : async () => body(),
      },
      maxBytes ?? defaultMaxBytes,
    );
    if (isSuccess(answer) || alsoFine?.includes(answer.status) === true) return answer;
    throw refusal(answer, refused);
  };
}

type Authorize = (
  request: unknown,
  send: (authorization: string | undefined) => Promise<StreamedAnswer>,
) => Promise<StreamedAnswer>;

interface GoogleOriginOptions {
  readonly network?: Network | undefined;
  readonly signal: AbortSignal;
  readonly unreachable: BuildErrorCode;
  readonly authorize: Authorize;
  readonly retries?: number;
  /** The first wait, which the next ones double. */
  readonly firstWait?: number | undefined;
  /** For an answer; a minute by default. */
  readonly milliseconds?: number;
}

function authorizing(source: TokenSource): Authorize {
  let token: string | undefined;
  return async (_, send) => {
    token ??= await source({ isFresh: false });
    const answer = await send(`Bearer ${token}`);
    if (answer.status !== 401) return answer;
    await drain(answer);
    token = await source({ isFresh: true });
    return send(`Bearer ${token}`);
  };
}

/** The policy of one of Google's origins, or of the server that knows the account of a machine there. */
export function openGoogleOrigin(url: URL, options: GoogleOriginOptions): Origin<Asked> {
  const { signal, unreachable, authorize, network = { environment: process.env } } = options;
  const { retries = 4, firstWait = 1_000, milliseconds = 60_000 } = options;
  return openOrigin<Asked>({
    ...network,
    ...{
      endpoint: endpointAt(url),
      kinds,
      limit,
      retries,
      maxRedirects: 0,
      signal,
      isExpected: true,
      authorize,
    },
    timing: {
      ...timingWithin(milliseconds),
      ...{ firstBackoff: firstWait, maxBackoff: maxWait, maxRetryAfter: maxWait },
    },
    explain: (fault, about) => silence(fault, about, unreachable),
    judge: passingIn,
  });
}

/** What is asked again: all that was refused for its number alone, and what may be repeated where a server fails. */
function passingIn(answer: Answer, asked: Asked): Passing | undefined {
  const { status } = answer;
  if (status !== 429 && (status < 500 || asked === "once")) return undefined;
  const wait = waitOf(answer);
  const retryAfter = wait === undefined ? undefined : Math.min(wait, maxWait);
  return { reason: `status ${status}`, fault: "unreachable", retryAfter, isNotYet: false };
}

function refusal(answer: Answer, code: BuildErrorCode): BuildError {
  const { status, bytes, from } = answer;
  const hints: Readonly<Record<number, string>> = {
    401: 'log in again: "gcloud auth login", or give a new GOOGLE_OAUTH_ACCESS_TOKEN',
    403: "the account that the token is of lacks the permission that the answer names",
    404: "see whether the project, and what is asked of it, is spelt right",
    429: "the project's quota is used up: run again later",
  };
  return new BuildError(code, `${from.host} refused: ${status} ${said(bytes)}`.trimEnd(), {
    ...{ where: from.host, hint: hints[status] },
    ...answerDetails(answer),
  });
}

function said(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("utf8");
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } };
    if (typeof error?.message === "string") return harmless(error.message.slice(0, 500));
  } catch {
    // Proxies answer with pages.
  }
  return harmless(text.slice(0, 200));
}

function silence(fault: Fault, { host }: About, code: BuildErrorCode): BuildError {
  return new BuildError(code, `${host} gave no answer: ${harmless(faultInWords(fault))}`, {
    where: host,
    cause: fault.cause,
  });
}
