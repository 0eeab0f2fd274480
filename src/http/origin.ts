import { setMaxListeners } from "node:events";
import type { Readable } from "node:stream";
import { type Answer, type AnswerHead, headerOf, type StreamedAnswer, smallBody } from "./answer.ts";
import { readBeginning } from "./body.ts";
import { clock, type Direction, type ExchangeOptions, type Message, openExchanges } from "./exchange.ts";
import { failureOf, faultError } from "./failure/fault.ts";
import { type Attempt, type Passing, type RetryOptions, retrying } from "./failure/retry.ts";
import { Limiter, type LimiterOptions, type Release } from "./rate/limiter.ts";
import { untilAborted } from "./until-aborted.ts";
import type { Outgoing } from "./way/transport.ts";

export interface OriginRequest<Kind extends string> extends Pick<Outgoing, "method" | "url" | "signal"> {
  readonly kind: Kind;
  /** What it is about, for messages. */
  readonly where: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Made anew for each attempt. */
  readonly body?: (() => Promise<Uint8Array | string | Readable>) | undefined;
  /**
   * Follow redirects: all of them, to other hosts without credentials; or only those that keep method and body and stay
   * on the origin, for what is not to go anywhere else.
   */
  readonly follow?: true | "own-origin";
  /** Milliseconds for the answer once all has been sent, where that may take longer than usual. */
  readonly answerWithin?: number;
}

/** Sends one request, once. A failure that may pass is a `TransientFailure`. */
export type SendOnce<Request> = (request: Request) => Promise<Answer>;

/**
 * The policy of one origin: how it is reached, how many requests at a time and how often, what is tried again and when,
 * which redirects are followed, how large an answer may be, and what is known of its failures. No request leaves
 * without it. An answer of any status is an answer; what its status means is for those to say who asked, but statuses
 * that may pass are answers only when no attempt is left.
 */
export type Origin<
  Kind extends string,
  Request extends OriginRequest<Kind> = OriginRequest<Kind>,
> = ReturnType<typeof openOrigin<Kind, Request>>;

/** What those bring who ask an origin. */
export interface OriginOptions<Kind extends string, Request extends OriginRequest<Kind>>
  extends Omit<ExchangeOptions<Kind>, "limiter" | "connections" | "closed">,
    LimiterOptions<Kind> {
  /** Redirects that are followed for one request, and what kind of request each of them is: that of the request without it. */
  readonly maxRedirects: number;
  readonly redirected?: Kind;
  /** Gives up whatever is asked: it fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Sends a request with what it has to carry.
   * @param send Given the value of `Authorization`, which goes to the origin alone.
   */
  readonly authorize: (
    request: Request,
    send: (authorization: string | undefined) => Promise<StreamedAnswer>,
  ) => Promise<StreamedAnswer>;
  /**
   * Called right before each request that may change something leaves, when it has waited for all that it waits for: its turn, a pause
   * that the host demands, the one before another attempt, a connection; and before each piece of a body that is a stream. What it
   * throws is what the request fails with.
   */
  readonly beforeWrite?: (() => Promise<void>) | undefined;
  /** Whether the answer to a request may be another one the next time. */
  readonly judge: (answer: Answer, kind: Kind) => Passing | undefined;
}

export function openOrigin<Kind extends string, Request extends OriginRequest<Kind> = OriginRequest<Kind>>(
  options: OriginOptions<Kind, Request>,
) {
  const { endpoint, listener = () => {}, timing, kinds, limit, explain } = options;
  const { authorize, judge, maxRedirects, redirected } = options;
  const { host } = endpoint;
  const limiter = new Limiter<Kind>(options, clock);
  // What is read from the host that it goes to needs a second connection, even where requests are one at a time.
  const connections = Math.max(2, limit);
  const closing = new AbortController();
  // As many requests wait as there are.
  setMaxListeners(0, closing.signal);
  const exchanges = openExchanges<Kind>({ ...options, limiter, connections, closed: closing.signal });
  const { dispatch, collect, isOwn } = exchanges;

  const mayFollow = ({ follow, method }: Request, { status, from }: AnswerHead, to: string): boolean => {
    if (follow !== "own-origin") return follow === true;
    const keepsMethod = status === 307 || status === 308 || method === "GET" || method === "HEAD";
    return keepsMethod && URL.canParse(to, from.href) && isOwn({ from: new URL(to, from) });
  };

  const followed = async (request: Request, authorization: string | undefined): Promise<StreamedAnswer> => {
    const { method, where, signal, answerWithin = timing.answer } = request;
    let { url } = request;
    // Once it has left its origin, a request carries no credential any more, not even back there.
    let secret = isOwn({ from: url }) ? authorization : undefined;
    for (let hops = 0; ; hops += 1) {
      const kind = hops === 0 ? request.kind : (redirected ?? request.kind);
      const headers =
        secret === undefined ? (request.headers ?? {}) : { ...request.headers, authorization: secret };
      const answer = await dispatch({ url, kind, where }, async () => {
        const body = await request.body?.();
        const leave = method === "GET" || method === "HEAD" ? undefined : options.beforeWrite;
        return { method, headers, answerWithin, body, leave, signal };
      });
      const location = headerOf(answer, "location");
      const isRedirect = answer.status >= 300 && answer.status < 400 && location !== undefined;
      if (!isRedirect || !mayFollow(request, answer, location)) return answer;
      await drain(answer);
      try {
        if (hops === maxRedirects) {
          throw faultError("too-many-redirects", `there are more than ${maxRedirects} redirects`);
        }
        url = redirectTarget(url, location);
      } catch (error) {
        throw failureOf(error, { where, host: url.host }, explain);
      }
      if (!isOwn({ from: url })) secret = undefined;
    }
  };

  /** One attempt; the permit is held until the body has ended. */
  const attempt = async (request: Request, release: Release): Promise<StreamedAnswer> => {
    try {
      const answer = await authorize(request, (authorization) => followed(request, authorization));
      if (answer.body.closed) release();
      else answer.body.once("close", release);
      return answer;
    } catch (error) {
      release();
      throw error;
    }
  };

  const retriesOf = (kind: Kind): RetryOptions => ({
    retries: Math.min(options.retries, kinds[kind].maxRetries ?? Number.POSITIVE_INFINITY),
    timing,
    onRetry: (retry) => {
      exchanges.restsUntil(clock() + retry.waitMilliseconds);
      listener({ type: "retry", host, kind, ...retry });
    },
    closed: closing.signal,
    isOnce: kinds[kind].isOnce === true,
  });

  const close = (): Promise<void> => {
    closing.abort();
    return exchanges.close();
  };
  const until = untilAborted(options.signal, () => void close());

  return {
    /** Sends a request and reads the answer's body. @param limit Bytes of a successful answer, beyond which it is refused. */
    send: (request: Request, limit = smallBody): Promise<Answer> => {
      const once = async ({ number }: Attempt) => {
        const release = await limiter.request(request.kind, number > 1);
        return collect(await attempt(request, release), limit, request.where);
      };
      return until(() => retrying(once, (answer) => judge(answer, request.kind), retriesOf(request.kind)));
    },
    /** Sends a request whose successful answer is a stream; the body of any other answer is read. */
    open: (request: Request): Promise<Answer | StreamedAnswer> => {
      const once = async ({ number }: Attempt) => {
        const release = await limiter.request(request.kind, number > 1);
        const answer = await attempt(request, release);
        const isContent = answer.status === 200 || answer.status === 206;
        return isContent ? answer : collect(answer, smallBody, request.where);
      };
      const judged = (answer: Answer | StreamedAnswer) =>
        "bytes" in answer ? judge(answer, request.kind) : undefined;
      return until(() => retrying(once, judged, retriesOf(request.kind)));
    },
    /**
     * Several requests that make one upload, under one permit. Begun anew as a whole when one of them fails in a way
     * that may pass, or when the last answer has such a status.
     */
    upload: (
      kind: Kind,
      run: (send: SendOnce<Request>, attempt: Attempt) => Promise<Answer>,
    ): Promise<Answer> => {
      const once: SendOnce<Request> = async (request) =>
        collect(await attempt(request, () => {}), smallBody, request.where);
      const whole = async (attempt: Attempt) => {
        const release = await limiter.upload(kind, attempt.number > 1);
        return run(once, attempt).finally(release);
      };
      return until(() => retrying(whole, (answer) => judge(answer, kind), retriesOf(kind)));
    },
    /** One attempt at a request without a permit and without credentials, as authorization itself needs some. */
    ask: async (
      direction: Direction<Kind>,
      prepare: () => Promise<Omit<Message, "answerWithin">>,
      limit = smallBody,
    ): Promise<Answer> => {
      const message = async () => ({ ...(await prepare()), answerWithin: timing.answer });
      return collect(await dispatch(direction, message), limit, direction.where);
    },
    /** How often a request of this kind may be repeated, for those who repeat parts of one themselves. */
    retriesOf,
    /** Whether the origin itself gave an answer, not a place that it sends us to. */
    isOwn,
    close,
  };
}

/** Reads a body that nobody needs, so that its connection can be used again; gives a long one up. */
export async function drain({ body }: StreamedAnswer): Promise<void> {
  await readBeginning(body, smallBody).catch(() => undefined);
}

/**
 * Where a redirect leads. Only HTTP addresses, and never from HTTPS back to plain HTTP; a name and password in the
 * address are dropped. All else is thrown as a fault: `unsafe-redirect`.
 */
function redirectTarget(from: URL, location: string): URL {
  const refuse = (where: string) =>
    faultError("unsafe-redirect", `${from.host} answers with a redirect ${where}`);
  if (!URL.canParse(location, from.href)) throw refuse("to something that is no address");
  const to = new URL(location, from);
  if (to.protocol !== "https:" && to.protocol !== "http:") throw refuse(`to ${to.protocol}`);
  if (from.protocol === "https:" && to.protocol === "http:") throw refuse(`from HTTPS to HTTP (${to.host})`);
  to.username = "";
  to.password = "";
  to.hash = "";
  return to;
}
