import type { AwsKey } from "../clouds/index.ts";
import { harmless, messageOf } from "../errors/index.ts";
import {
  type About,
  type Answer,
  answerDetails,
  ConnectionError,
  commitTime,
  defaultTiming,
  endpointAt,
  type Fault,
  type Kinds,
  type Network,
  type OriginRequest,
  openOrigin,
  type Passing,
  presentable,
  type StreamedAnswer,
  type Timing,
  waitOf,
} from "../http/index.ts";
import { ObjectError } from "./errors.ts";
import { firstIn } from "./xml.ts";

/** How stores of objects are reached. */
export interface ObjectAccess {
  /** By the environment of this process without it; keys and addresses of services are named there as well. */
  readonly network?: Network | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Gives the key for a bucket of S3, anew where it has ended; the one that the environment names without it. */
  readonly key?: (() => Promise<AwsKey>) | undefined;
  /** Times other than the usual, for tests. */
  readonly timing?: Partial<Timing> | undefined;
}

/** All of them may be sent again: what is put has the same bytes under the same path. */
type Asked = "get" | "put" | "list" | "delete";
const kinds: Kinds<Asked> = {
  get: { operation: "get", isSized: true },
  put: { operation: "put", isSized: true, isBulk: true },
  list: { operation: "list" },
  delete: { operation: "delete" },
};

const limit = 16;
const retries = 4;
const maxAnswerBytes = 8 * 1024 * 1024;

/** A request to a store. */
export interface ObjectRequest
  extends Pick<OriginRequest<Asked>, "kind" | "method" | "url" | "headers" | "body"> {
  /** Bytes of the body. */
  readonly size?: number;
}

/** The way to one store. Its methods throw {@link ObjectError}. */
export type ObjectWire = ReturnType<typeof openObjectWire>;

/** What a store's answers are told with. */
export interface ObjectWireOptions extends ObjectAccess {
  /** The store's address; no other one is ever asked. */
  readonly origin: URL;
  /** The bucket, as people name it. */
  readonly where: string;
  /** Signs a request: the headers that it has to carry, and the value of `Authorization`. */
  readonly sign?: (
    request: ObjectRequest,
  ) => Promise<{ readonly headers: Readonly<Record<string, string>>; readonly authorization: string }>;
  /** What no message may show. */
  readonly secrets?: () => readonly string[];
}

/**
 * Opens the way to a store: to one origin, without redirects, as a signature is for what was asked. Servers that fail or have too much
 * to do are asked again, a few times.
 */
export function openObjectWire(options: ObjectWireOptions) {
  const { origin: address, where, sign, secrets = () => [], signal } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const authorizations = new WeakMap<object, string>();
  const origin = openOrigin<Asked>({
    ...(options.network ?? { environment: process.env }),
    ...{ endpoint: endpointAt(address), kinds, limit, retries, maxRedirects: 0, signal, isExpected: true },
    timing,
    explain: (fault, about) => silence(fault, about, where),
    authorize: (request, send) => send(authorizations.get(request)),
    judge: passingIn,
  });

  const signed = async (request: ObjectRequest): Promise<OriginRequest<Asked>> => {
    const { size, ...asked } = request;
    const length = size === undefined ? {} : { "content-length": String(size) };
    const signature = await sign?.(request);
    const whole: OriginRequest<Asked> = {
      ...asked,
      where,
      headers: { ...request.headers, ...signature?.headers, ...length },
      answerWithin: commitTime(timing, size ?? 0),
    };
    if (signature !== undefined) authorizations.set(whole, signature.authorization);
    return whole;
  };

  return {
    send: async (request: ObjectRequest): Promise<Answer> =>
      origin.send(await signed(request), maxAnswerBytes),
    open: async (request: ObjectRequest): Promise<Answer | StreamedAnswer> =>
      origin.open(await signed(request)),
    /** What an answer is thrown as that is no success. */
    refusal: (answer: Answer): ObjectError => refusalOf(answer, where, secrets()),
    /** What a body fails with while it is read. */
    brokenOff: (error: unknown): ObjectError =>
      error instanceof ObjectError
        ? error
        : new ObjectError("objects-unreachable", `what was read broke off: ${harmless(messageOf(error))}`, {
            where,
            cause: error,
          }),
  };
}

function passingIn(answer: Answer): Passing | undefined {
  const { status } = answer;
  if (status !== 429 && ![500, 502, 503, 504].includes(status)) return undefined;
  return {
    reason: `status ${status}`,
    fault: "objects-unreachable",
    retryAfter: waitOf(answer),
    isNotYet: false,
  };
}

function refusalOf(answer: Answer, where: string, secrets: readonly string[]): ObjectError {
  const { status, bytes } = answer;
  const text = Buffer.from(bytes).toString("utf8");
  // What Amazon says beside the two may repeat what was signed.
  const code = firstIn(text, "Code") ?? "";
  const said = presentable(firstIn(text, "Message") ?? "", [...answer.secrets, ...secrets]);
  const message = [`${status}`, harmless(code.slice(0, 80)), harmless(said)]
    .filter((word) => word !== "")
    .join(" ");
  const details = { where, ...answerDetails(answer) };
  if (code === "NoSuchBucket" || status === 301 || code === "PermanentRedirect") {
    return new ObjectError("bucket-missing", `there is no such bucket at this address: ${message}`, {
      ...details,
      hint: "look at the bucket's name, at AWS_REGION, and at AWS_ENDPOINT_URL_S3",
    });
  }
  if (status === 401 || status === 403 || /^(ExpiredToken|InvalidToken|InvalidAccessKeyId)$/.test(code)) {
    return new ObjectError("object-forbidden", `the store refused: ${message}`, {
      ...details,
      hint:
        code === "RequestTimeTooSkewed"
          ? "set this machine's clock"
          : "see that the key is right, has not run out, and may list, read, write and delete in the bucket",
    });
  }
  if (status >= 500 || status === 429) {
    return new ObjectError("objects-unreachable", `the store fails: ${message}`, details);
  }
  if (status >= 400) return new ObjectError("objects-refused", `the store refused: ${message}`, details);
  return new ObjectError(
    "unexpected-objects-answer",
    `the store gives no answer of its kind: ${message}`,
    details,
  );
}

function silence({ kind, reason, cause }: Fault, { host }: About, where: string): ObjectError {
  if (kind === "too-large") {
    return new ObjectError(
      "unexpected-objects-answer",
      `${host} answers with more than ${maxAnswerBytes} bytes`,
      {
        where,
      },
    );
  }
  const isTimeout = kind.endsWith("-timeout") || kind === "slow-body";
  const why = isTimeout
    ? "it does not answer in time"
    : cause instanceof ConnectionError
      ? messageOf(cause)
      : reason;
  return new ObjectError("objects-unreachable", `${host} cannot be reached: ${harmless(why)}`, {
    where,
    cause,
  });
}
