import { setMaxListeners } from "node:events";
import { Readable } from "node:stream";
import {
  type Answer,
  type AnswerHead,
  type Company,
  type Environment,
  headerOf,
  isSuccess,
  isTransientStatus,
  Limiter,
  type Member,
  type Observation,
  type Release,
  type StreamedAnswer,
  secretsIn,
  smallBody,
  type Timing,
  Turns,
} from "../../http/index.ts";
import type { HostSettings } from "../../settings/index.ts";
import { readBeginning, readBody } from "../body.ts";
import type { Credential, CredentialStore } from "../credentials/credential.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import type { RegistryListener, RequestKind } from "../events.ts";
import { type Access, createAuthorizer } from "./authorizer.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  connectionFailure,
  isTlsRecord,
  TransientFailure,
  transportError,
  Unanswered,
  wantsTls,
} from "./failure.ts";
import { faultOf, judgeOf, troubleOf, waitOf } from "./judge.ts";
import { kinds, uploads } from "./kinds.ts";
import { Places } from "./places.ts";
import { type Quirks, quirksOf } from "./quirks.ts";
import { pacesFor } from "./quotas.ts";
import { redirectLimit, redirectTarget } from "./redirect.ts";
import { type Attempt, type RetryOptions, retrying } from "./retry.ts";
import { tokenRefusal } from "./token-refusal.ts";
import { readToken, type Token, type TokenService, tokenRequest } from "./token-service.ts";
import { type Outgoing, openTransport } from "./transport.ts";

/** One request to a registry host. */
export interface HostRequest {
  readonly kind: RequestKind;
  readonly method: Outgoing["method"];
  readonly url: URL;
  readonly access: Access;
  /** The repository or reference it is about, for messages. */
  readonly where: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each attempt. */
  readonly body?: () => Promise<Uint8Array | Readable>;
  /**
   * Follow redirects: all of them, to other hosts without credentials; or only those that keep method and body (307 and
   * 308) and stay on the registry's origin, for what is not to go anywhere else.
   */
  readonly follow?: true | "own-origin";
  /** Gives the request up. */
  readonly signal?: AbortSignal;
  /** Milliseconds for the answer once all has been sent, where that may take longer than usual. */
  readonly answerWithin?: number;
}

/** Sends one request, once. A failure that may pass is a `TransientFailure`. */
export type SendOnce = (request: HostRequest) => Promise<Answer>;

/**
 * One registry host: connections, concurrency, rate, retries, credentials and tokens. No request leaves without it.
 * An answer of any status is an answer; what its status means is for the caller to say, but statuses that may pass
 * (408, 429 and most of 5xx) are answers only when no attempt is left.
 */
export interface HostClient {
  readonly endpoint: Endpoint;
  readonly settings: HostSettings;
  readonly timing: Timing;
  /** What has to be done differently here. */
  readonly quirks: Quirks;
  /** Milliseconds that the slowest answer about a manifest has taken so far. */
  readonly slowestAnswer: number;
  /** Sends a request and reads the answer's body. @param limit Bytes of a successful answer, beyond which it is refused. */
  send(request: HostRequest, limit?: number): Promise<Answer>;
  /** Sends a request whose successful answer is a stream; the body of any other answer is read. */
  open(request: HostRequest): Promise<Answer | StreamedAnswer>;
  /**
   * Several requests that make one upload, under one permit. Begun anew as a whole when one of them fails in a way
   * that may pass, or when the last answer has such a status.
   */
  upload(run: (send: SendOnce, attempt: Attempt) => Promise<Answer>): Promise<Answer>;
  /** How often a request of this kind may be repeated, for those who repeat parts of one themselves. */
  retriesOf(kind: RequestKind): RetryOptions;
  /** What comes of a request that the work does not depend on; `undefined`, and the listener told, when it fails. */
  overlook<Result>(kind: RequestKind, result: Promise<Result>): Promise<Result | undefined>;
  /** Whether the token of an earlier request with the same access allows an action; `undefined` when nobody says. */
  grants(access: Access, action: string): Promise<boolean | undefined>;
  /** Where the credential for a path came from. */
  credentialSource(path: string): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface HostClientOptions {
  readonly endpoint: Endpoint;
  /** Settings by host: the registry's own, and those of hosts it may send us to. */
  readonly settingsOf: (host: string) => HostSettings | undefined;
  readonly credentials: CredentialStore;
  readonly environment: Environment;
  readonly listener: RegistryListener;
  readonly timing: Timing;
  /** The other hosts of the run. */
  readonly company: Company;
}

/** Requests at the same time, where the settings do not say how many. */
const defaultLimit = 64;
const defaultRetries = 5;
/** Attempts after the first one at what there is another way for: a blob that is not mounted is uploaded. */
const mostRetriesOf: Partial<Record<RequestKind, number>> = { mount: 1 };
const tokenBody = 128 * 1024;
/** Milliseconds by which timers differ that are to go off together. */
const tolerance = 1_000;
const nothing = new Uint8Array();

const clock = (): number => performance.now();

export function createHostClient(options: HostClientOptions): HostClient {
  const { endpoint, listener, timing } = options;
  const { host } = endpoint;
  const settings = options.settingsOf(host) ?? {};
  const limit = settings.concurrency ?? defaultLimit;
  // A blob that is read from the host it goes to needs a second connection, even where requests are one at a time.
  const transport = openTransport({ ...options, connections: Math.max(2, limit) });
  const limiter = new Limiter({ limit, kinds, uploads }, clock);
  const turns = new Turns(kinds, pacesFor(host, settings), clock);

  let slowestAnswer = 0;
  const places = new Places((host) => ({
    host,
    timing,
    retries: settings.retries ?? defaultRetries,
    isBusyElsewhere: () => options.company.isBusyBeside(member),
    onChange: (change) => listener({ host, ...change }),
  }));
  const mistaken = new Map<string, Promise<boolean>>();
  let answers = 0;
  let restsUntil = 0;
  const member: Member = {
    isAway: () => places.isAway(endpoint.origin),
    moved: () => transport.moved() + answers,
    restsUntil: () => restsUntil,
  };
  options.company.join(member);

  const isOwn = ({ from }: Pick<AnswerHead, "from">): boolean => from.origin === endpoint.origin.origin;

  const mayFollow = ({ follow }: HostRequest, { status, from }: AnswerHead, to: string): boolean => {
    if (follow !== "own-origin") return follow === true;
    const keepsMethod = status === 307 || status === 308;
    return keepsMethod && URL.canParse(to, from.href) && isOwn({ from: new URL(to, from) });
  };

  /** Waits for the turn of a request, which every single one has that goes to the host itself. */
  const turn = (url: URL, kind: RequestKind): Promise<void> | undefined =>
    isOwn({ from: url }) ? turns.next(kind) : undefined;

  const learn = (observation: Observation<RequestKind>, headers: AnswerHead["headers"]): void => {
    const { status } = observation;
    const isBusy = status === 429 || status === 503;
    const wait = isBusy ? (waitOf({ headers, status }) ?? 0) : 0;
    // A limit of hours tells nothing of how many requests are too many in a second.
    if (wait > timing.longestRetryAfter) return;
    limiter.observe(observation);
    turns.observe(observation);
    restsUntil = Math.max(restsUntil, clock() + wait);
    if (wait > 0 && turns.pause(wait)) {
      listener({ type: "waiting", host, milliseconds: wait, reason: `status ${status}` });
    }
  };

  /** Sends what is to be sent once it may be, as soon as the host is there. */
  const dispatch = (
    url: URL,
    { kind, where, about = where }: Pick<HostRequest, "kind" | "where"> & { readonly about?: string },
    prepare: () => Promise<Omit<Outgoing, "waiting" | "url">>,
    presence = places.at(url),
  ): Promise<StreamedAnswer> =>
    presence.carry(
      where,
      async () => {
        await turn(url, kind);
        return exchange({ ...(await prepare()), url }, kind, where);
      },
      (answer) => troubleOf(answer, { kind, about, where }),
    );

  /** Of all requests that wait for an answer, one speaks. */
  let saidAt = Number.NEGATIVE_INFINITY;
  const sayWaiting =
    (host: string, kind: RequestKind) =>
    (milliseconds: number): void => {
      if (clock() - saidAt < timing.silence - tolerance) return;
      saidAt = clock();
      listener({ type: "unanswered", host, kind, milliseconds: Math.round(milliseconds) });
    };

  const exchange = async (
    outgoing: Omit<Outgoing, "waiting">,
    kind: RequestKind,
    where: string,
  ): Promise<StreamedAnswer> => {
    const { url, method, headers, signal } = outgoing;
    const sent = clock();
    const secrets = secretsIn(headers.authorization);
    try {
      const response = await transport.request({ ...outgoing, waiting: sayWaiting(url.host, kind) });
      const { status, body } = response;
      answers += 1;
      const milliseconds = clock() - sent;
      if (isOwn({ from: url })) learn({ kind, status, sent, milliseconds }, response.headers);
      if (kinds[kind].operation.startsWith("manifest-"))
        slowestAnswer = Math.max(slowestAnswer, milliseconds);
      listener({ type: "request", host: url.host, method, kind, status, milliseconds });
      // Whoever reads the body learns of its failure; one that nobody reads must not end the process.
      body.on("error", () => {});
      const isEmpty = method === "HEAD" || status === 204 || response.headers["content-length"] === "0";
      const answer = { status, from: url, headers: response.headers, secrets, body, isEmpty };
      if (status !== 400 || !(await isMistaken(url))) return answer;
      body.destroy();
      throw new Unanswered(wantsTls({ where, host: url.host }));
    } catch (error) {
      if (error instanceof Unanswered) throw error;
      const inTls = url.protocol === "https:";
      const failure = connectionFailure(error, { where, host: url.host, inTls });
      // What the sender itself has given up, or has failed to read, says nothing about the host.
      if (signal?.aborted || (outgoing.body instanceof Readable && outgoing.body.errored)) throw failure;
      // Nor does one blob that it does not get done with.
      if (kind === "upload-data" && isTimeout(failure)) throw failure;
      const isTls = isTlsRecord(error) || (isBroken(failure) && (await isMistaken(url)));
      throw new Unanswered(isTls ? wantsTls({ where, host: url.host }, error) : failure);
    }
  };

  /** Whether a host that has said nothing of use in plain HTTP wants to be spoken to in TLS. */
  const isMistaken = async (url: URL): Promise<boolean> => {
    if (places.wasThere(url)) return false;
    const found = mistaken.get(url.origin) ?? transport.wantsTls(url);
    mistaken.set(url.origin, found);
    return found;
  };

  /** The body of an answer in memory. */
  const collect = async (answer: StreamedAnswer, limit: number, where: string): Promise<Answer> => {
    const { body, isEmpty, ...head } = answer;
    const { status, from } = head;
    const watch = setTimeout(() => body.destroy(transportError("slow-body")), timing.whole);
    body.once("close", () => clearTimeout(watch));
    if (isEmpty) {
      body.resume();
      return { ...head, bytes: nothing };
    }
    try {
      const bytes = isSuccess({ status })
        ? await readBody(body, limit, where)
        : await readBeginning(body, smallBody);
      return { ...head, bytes };
    } catch (error) {
      throw connectionFailure(error, { where, host: from.host });
    }
  };

  const fetchToken = async (
    service: TokenService,
    scopes: readonly string[],
    credential: Credential | undefined,
  ): Promise<Token> => {
    const { method, url, headers, body } = tokenRequest(service, scopes, credential);
    let asked = Date.now();
    const prepare = async () => {
      asked = Date.now();
      return {
        method,
        headers: { accept: "application/json", ...headers },
        answerWithin: timing.answer,
        ...(body === undefined ? {} : { body }),
      };
    };
    const request = { kind: "token", where: host, about: scopes.join(" ") } as const;
    const sent = await dispatch(url, request, prepare, places.tokenServiceAt(url));
    const answer = await collect(sent, tokenBody, host);
    if (isSuccess(answer)) return readToken(answer.bytes, asked, headerOf(answer, "date"), host);
    throw tokenRefusal(answer, url, host, credential);
  };

  /** Asks for nothing but to be let in (distribution specification, "Determining Support"). */
  const greet = async (authorization: string): Promise<number> => {
    const url = new URL("/v2/", endpoint.origin);
    const answer = await dispatch(url, { kind: "token", where: host }, async () => ({
      method: "GET",
      headers: { authorization },
      answerWithin: timing.answer,
    }));
    await drain(answer);
    return answer.status;
  };

  const { tokenOrigins = [] } = settings;
  const authorizer = createAuthorizer(endpoint, tokenOrigins, options.credentials, fetchToken, greet);

  const followed = async (
    request: HostRequest,
    authorization: string | undefined,
  ): Promise<StreamedAnswer> => {
    const { method, where, signal, answerWithin = timing.answer } = request;
    let { url } = request;
    // Once it has left the registry's origin, a request carries no credential any more, not even back there.
    let secret = isOwn({ from: url }) ? authorization : undefined;
    for (let hops = 0; ; hops += 1) {
      const kind = hops === 0 ? request.kind : "redirect";
      const headers = { ...request.headers, ...(secret === undefined ? {} : { authorization: secret }) };
      const answer = await dispatch(url, { kind, where }, async () => {
        const body = await request.body?.();
        return {
          method,
          headers,
          answerWithin,
          ...(body === undefined ? {} : { body }),
          ...(signal === undefined ? {} : { signal }),
        };
      });
      const location = headerOf(answer, "location");
      const isRedirect = answer.status >= 300 && answer.status < 400 && location !== undefined;
      if (!isRedirect || !mayFollow(request, answer, location)) return answer;
      await drain(answer);
      if (hops === redirectLimit) {
        throw new RegistryError("unsafe-redirect", `there are more than ${redirectLimit} redirects`, {
          where,
        });
      }
      url = redirectTarget(url, location, where);
      if (!isOwn({ from: url })) secret = undefined;
    }
  };

  const authorized = async (request: HostRequest): Promise<StreamedAnswer> => {
    const began = Date.now();
    const sending = {
      send: (authorization: string | undefined) => followed(request, authorization),
      isRefusal: (answer: StreamedAnswer) => answer.status === 401 && isOwn(answer),
      discard: ({ body }: StreamedAnswer) => void body.destroy(),
    };
    const { answer, used } = await authorizer.carry(request.access, sending);
    if (answer.status !== 401 || !isOwn(answer)) return answer;
    const challenge = answer.headers["www-authenticate"];
    try {
      if (!(await authorizer.challenged(challenge, request.access, { used, began }))) return answer;
    } catch (error) {
      answer.body.destroy();
      throw error;
    }
    await drain(answer);
    return (await authorizer.carry(request.access, sending)).answer;
  };

  /** One attempt; the permit is held until the body has ended. */
  const attempt = async (request: HostRequest, release: Release): Promise<StreamedAnswer> => {
    try {
      const answer = await authorized(request);
      if (answer.body.closed) release();
      else answer.body.once("close", release);
      return answer;
    } catch (error) {
      release();
      throw error;
    }
  };

  const closing = new AbortController();
  // As many requests wait as there are.
  setMaxListeners(0, closing.signal);
  const retriesOf = (kind: RequestKind): RetryOptions => ({
    retries: Math.min(settings.retries ?? defaultRetries, mostRetriesOf[kind] ?? Number.POSITIVE_INFINITY),
    timing,
    onRetry: (retry) => {
      restsUntil = Math.max(restsUntil, clock() + retry.waitMilliseconds);
      listener({ type: "retry", host, kind, ...retry });
    },
    closed: closing.signal,
  });

  const overlook = async <Result>(
    kind: RequestKind,
    result: Promise<Result>,
  ): Promise<Result | undefined> => {
    const tell = (fault: RegistryErrorCode): void => listener({ type: "overlooked", host, kind, fault });
    try {
      const found = await result;
      const status = statusIn(found);
      if (status !== undefined && isTransientStatus(status)) tell(faultOf(status));
      return found;
    } catch (thrown) {
      const error = thrown instanceof TransientFailure ? thrown.error : thrown;
      if (!(error instanceof RegistryError)) throw thrown;
      tell(error.code);
      return undefined;
    }
  };

  return {
    endpoint,
    settings,
    timing,
    quirks: quirksOf(host, settings),
    get slowestAnswer() {
      return slowestAnswer;
    },
    send: (request, limit = smallBody) => {
      const once = async ({ number }: Attempt) => {
        const release = await limiter.request(request.kind, number > 1);
        return collect(await attempt(request, release), limit, request.where);
      };
      return retrying(once, judgeOf(request.kind, isOwn), retriesOf(request.kind));
    },
    open: (request) => {
      const once = async ({ number }: Attempt) => {
        const release = await limiter.request(request.kind, number > 1);
        const answer = await attempt(request, release);
        const isContent = answer.status === 200 || answer.status === 206;
        return isContent ? answer : collect(answer, smallBody, request.where);
      };
      return retrying(once, judgeOf(request.kind, isOwn), retriesOf(request.kind));
    },
    upload: (run) => {
      const once: SendOnce = async (request) =>
        collect(await attempt(request, () => {}), smallBody, request.where);
      const whole = async (attempt: Attempt) => {
        const release = await limiter.upload(attempt.number > 1);
        return run(once, attempt).finally(release);
      };
      return retrying(whole, judgeOf("upload-data", isOwn), retriesOf("upload-data"));
    },
    retriesOf,
    overlook,
    grants: (access, action) => authorizer.grants(access, action),
    credentialSource: (path) => authorizer.sourceOf(path),
    close: () => {
      closing.abort();
      places.close();
      turns.close();
      return transport.close();
    },
  };
}

function isTimeout(failure: RegistryError | TransientFailure): boolean {
  return (failure instanceof TransientFailure ? failure.error : failure).code === "timeout";
}

/** Whether a connection ended before an answer, or brought something that is none. */
function isBroken(failure: RegistryError | TransientFailure): boolean {
  const { code, host } = failure instanceof TransientFailure ? failure.error : failure;
  return host === undefined && (code === "unreachable" || code === "unexpected-response");
}

/** The status of what is an answer. */
function statusIn(result: unknown): number | undefined {
  const isObject = typeof result === "object" && result !== null;
  return isObject && "status" in result && typeof result.status === "number" ? result.status : undefined;
}

/** Reads a body that nobody needs, so that its connection can be used again; gives a long one up. */
async function drain({ body }: StreamedAnswer): Promise<void> {
  await readBeginning(body, smallBody).catch(() => undefined);
}
