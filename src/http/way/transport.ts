import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import type { StreamedAnswer } from "../answer.ts";
import { faultError, isHangUp } from "../failure/fault.ts";
import type { Timing } from "../timing.ts";
import type { Trace } from "../trace.ts";
import { type AddressKind, hostnameOf, kindOfAddress, literalAddress } from "./address.ts";
import { type AddressRule, speaksTls } from "./connector.ts";
import { type TlsFiles, tlsOptions } from "./tls.ts";
import { createWay, proxyOf, type Way } from "./way.ts";

/** Where requests for a host go. */
export interface Endpoint {
  /** The host as reports, credentials and settings name it; two names of one host have the same. */
  readonly host: string;
  readonly origin: URL;
  /**
   * Plain HTTP was chosen only because the host is called loopback, so it has to be: whoever answers for `localhost`
   * at another address is refused.
   */
  readonly loopbackOnly: boolean;
  /** Its address has to be one that everybody reaches: an address behind it, that only we reach, is refused. */
  readonly publicOnly?: boolean | undefined;
}

/** The endpoint of a service that is named by a URL. */
export function endpointAt(
  { host, origin }: URL,
  { publicOnly }: Pick<Endpoint, "publicOnly"> = {},
): Endpoint {
  return { host, origin: new URL(origin), loopbackOnly: false, publicOnly };
}

/** One HTTP request, exactly as it goes out. */
export interface Outgoing {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | Readable | undefined;
  /**
   * Asked when the connection is there, right before anything is sent on it, and before each piece of a stream; nothing more is sent once
   * it throws.
   */
  readonly leave?: (() => Promise<void>) | undefined;
  /** Milliseconds until the answer's headers, from when all has been sent. */
  readonly answerWithin: number;
  /** Told now and then that the host has brought nothing, or hardly anything, for so many milliseconds. */
  readonly waiting?: (milliseconds: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The beginning of an answer; its body fails when it is shorter than announced or stands still. */
type Incoming = Pick<StreamedAnswer, "status" | "headers" | "body">;

/** The connections of one host, and of the hosts that it sends us on to. */
export type Transport = ReturnType<typeof openTransport>;

/** How hosts are reached from here. */
export interface Network {
  /** Where proxies are named. */
  readonly environment: NodeJS.ProcessEnv;
  /** What is configured of the certificates of a host (`host` or `host:port`). */
  readonly tlsOf?: ((host: string) => TlsFiles | undefined) | undefined;
  readonly trace?: Trace | undefined;
}

export interface TransportOptions extends Network {
  readonly endpoint: Endpoint;
  /** Whether it may send us to addresses that are private or link-local, wherever it is itself. */
  readonly allowPrivateAddresses?: boolean;
  readonly connections: number;
  readonly timing: Timing;
}

/** Bytes are hashed as they are stored; some servers compress them for whoever does not refuse that. */
const ownHeaders = { "user-agent": "waybill", "accept-encoding": "identity" };

/** Hosts that an endpoint may send us to before the connections to the first of them are given up. */
const maxOrigins = 32;

/**
 * The endpoint's own origin is trusted with its client certificate and may be at any address. Every other origin is
 * one that somebody sent us to: it gets no client certificate but its own, the endpoint's authority is trusted for it,
 * and its address must be public or of the same kind as the endpoint's own, unless private ones are allowed.
 * Addresses that hand out the secrets of cloud machines are never allowed. Behind a proxy, which resolves names
 * itself, only addresses written in the URL can be checked.
 */
export function openTransport(options: TransportOptions) {
  const { endpoint, timing, connections, tlsOf = () => undefined, allowPrivateAddresses = false } = options;
  const ways = new Map<string, Way>();
  const traffic = countTraffic();
  const reuse = watchReuse();
  const seen = new Set<AddressKind>();
  const literal = literalAddress(endpoint.origin.hostname);
  if (literal !== undefined) seen.add(kindOfAddress(literal));

  const ownRule: AddressRule = {
    allows: (kind) =>
      (!endpoint.loopbackOnly || kind === "loopback") && (endpoint.publicOnly !== true || kind === "public"),
    connected: (kind) => seen.add(kind),
  };
  const foreignRule: AddressRule = {
    allows: (kind) => {
      if (kind === "public") return true;
      return kind !== "metadata" && (allowPrivateAddresses || seen.has(kind));
    },
  };

  const ruleFor = ({ origin }: URL): AddressRule =>
    origin === endpoint.origin.origin ? ownRule : foreignRule;

  const openWay = (url: URL): Way =>
    createWay(url, {
      environment: options.environment,
      rule: ruleFor(url),
      tls: () =>
        url.origin === endpoint.origin.origin
          ? tlsOptions(endpoint.host, tlsOf(endpoint.host))
          : tlsOptions(url.host, tlsOf(url.host), tlsOf(endpoint.host)?.ca),
      proxyTls: (proxy) => tlsOptions(proxy.host, tlsOf(proxy.host)),
      connections,
      timeout: timing.connect,
      opened: (socket) => {
        traffic.count(socket);
        reuse.opened(socket);
      },
    });

  const wayTo = (url: URL): Way => {
    const known = ways.get(url.origin);
    if (known !== undefined) return known;
    const created = openWay(url);
    const [oldest] = [...ways.keys()].filter((origin) => origin !== endpoint.origin.origin);
    if (ways.size > maxOrigins && oldest !== undefined) {
      ways.get(oldest)?.agent.destroy();
      ways.delete(oldest);
    }
    ways.set(url.origin, created);
    return created;
  };

  return {
    /** Sends one request and neither repeats nor redirects it. Fails with what the system, TLS or the parser said. */
    async request(outgoing: Outgoing): Promise<Incoming> {
      const { method, url, headers, signal } = outgoing;
      const way = wayTo(url);
      const { headers: added, ...place } = way.options(url);
      const request = way.request({
        ...place,
        method,
        agent: way.agent,
        headers: {
          ...ownHeaders,
          ...(!reuse.isSafe(url) && { connection: "close" }),
          ...headers,
          ...added,
        },
        signal,
      });
      // That also says so to the server.
      if (!reuse.isSafe(url)) request.shouldKeepAlive = false;
      try {
        return await exchange(request, outgoing, timing);
      } catch (error) {
        if (request.reusedSocket && isHangUp(error)) reuse.broke(url, request.socket);
        throw error;
      }
    },
    /** Whether a host that was spoken to in plain HTTP speaks TLS. Nothing is said to it; behind a proxy nobody knows. */
    async wantsTls(url: URL): Promise<boolean> {
      if (url.protocol !== "http:" || proxyOf(url, options.environment) !== undefined) return false;
      const place = { hostname: hostnameOf(url), port: Number(url.port || 80), rule: ruleFor(url) };
      return speaksTls(place, timing.connect);
    },
    moved: traffic.bytes,
    async close(): Promise<void> {
      for (const { agent } of ways.values()) agent.destroy();
      ways.clear();
    },
  };
}

/** Counts the bytes of connections, of those that are open and of those that were. */
function countTraffic(): { readonly count: (socket: Socket) => void; readonly bytes: () => number } {
  const open = new Set<Socket>();
  let ended = 0;
  const bytesOf = ({ bytesRead, bytesWritten }: Socket): number => bytesRead + bytesWritten;
  return {
    count(socket) {
      open.add(socket);
      socket.once("close", () => {
        open.delete(socket);
        ended += bytesOf(socket);
      });
    },
    bytes: () => [...open].reduce((sum, socket) => sum + bytesOf(socket), ended),
  };
}

/** Connections that are closed under the next request, each opened after the one before it had been. */
const maxBroken = 3;

/**
 * Whether connections are used for more than one request. Some servers close them soon after an answer and do not say
 * so before: what is sent on one then is lost. That a server was started anew breaks many at once and means nothing.
 */
function watchReuse() {
  const openedAt = new WeakMap<Socket, number>();
  const breaks = new Map<string, { readonly count: number; readonly last: number }>();
  return {
    opened: (socket: Socket): void => void openedAt.set(socket, performance.now()),
    /** A connection that had been used before has ended without an answer. */
    broke({ origin }: URL, socket: Socket | null): void {
      const opened = socket === null ? undefined : openedAt.get(socket);
      const { count, last } = breaks.get(origin) ?? { count: 0, last: Number.NEGATIVE_INFINITY };
      if (opened === undefined || opened <= last) return;
      breaks.set(origin, { count: count + 1, last: performance.now() });
    },
    isSafe: ({ origin }: URL): boolean => (breaks.get(origin)?.count ?? 0) < maxBroken,
  };
}

function exchange(request: ClientRequest, outgoing: Outgoing, timing: Timing): Promise<Incoming> {
  const { leave, answerWithin, waiting = () => {}, signal } = outgoing;
  const body =
    leave !== undefined && outgoing.body instanceof Readable
      ? withLeave(outgoing.body, request, leave)
      : outgoing.body;
  const { idle, silence } = timing;
  return new Promise((resolve, reject) => {
    let answered = false;
    let watch: NodeJS.Timeout | undefined;
    let reminder: NodeJS.Timeout | undefined;
    const rest = (): void => {
      clearTimeout(watch);
      clearInterval(reminder);
    };
    const expect = (within: number): void => {
      rest();
      if (answered || request.destroyed) return;
      const since = performance.now();
      watch = setTimeout(() => request.destroy(faultError("answer-timeout")), within);
      reminder = setInterval(() => waiting(performance.now() - since), silence);
    };
    const send = (bytes: Uint8Array | string | undefined): void => {
      if (request.destroyed) return;
      // What is sent from memory may be as slow as what is sent from a stream.
      expect(bytes === undefined ? answerWithin : Math.max(idle, answerWithin));
      request.end(bytes);
    };
    request.once("finish", () => expect(answerWithin));
    request.once("close", rest);
    request.once("response", (response) => {
      answered = true;
      rest();
      watchOver(response, timing, waiting);
      response.once("end", () => endEarly(request, body));
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response });
    });
    request.on("error", (error) => {
      rest();
      if (body instanceof Readable) body.destroy();
      if (!answered) reject(signal?.aborted ? signal.reason : error);
    });
    if (body instanceof Readable) sendStream(body, request, idle);
    else if (leave === undefined) send(body);
    else {
      const sent = connected(request)
        .then(leave)
        .then(() => send(body));
      sent.catch((error: unknown) =>
        request.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    }
  });
}

/** Resolves when there is a connection for a request, or never will be. Until then any time may pass. */
function connected(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    request.once("socket", () => resolve());
    request.once("close", resolve);
  });
}

/** A stream of which each piece has leave to be sent, and so has its end. */
function withLeave(body: Readable, request: ClientRequest, leave: () => Promise<void>): Readable {
  const isConnected = connected(request);
  async function* pieces() {
    await isConnected;
    for await (const piece of body) {
      await leave();
      yield piece;
    }
    await leave();
  }
  const given = Readable.from(pieces());
  // What fails before it is asked for fails when it is.
  body.once("error", () => {});
  given.once("close", () => body.destroy());
  return given;
}

/** Passes a stream on at the pace of the connection; gives up when nothing passes for a while. */
function sendStream(body: Readable, request: ClientRequest, idle: number): void {
  const watch = setTimeout(() => request.destroy(faultError("send-timeout")), idle);
  body.once("close", () => clearTimeout(watch));
  request.on("drain", () => void body.resume());
  body.on("data", (chunk: Uint8Array) => {
    watch.refresh();
    if (!request.write(chunk)) body.pause();
  });
  body.once("end", () => request.end());
  body.once("error", (error) => request.destroy(error));
  body.once("close", () => {
    if (!body.readableEnded && !request.destroyed)
      request.destroy(body.errored ?? new Error("the body was given up"));
  });
}

/** An answer that came before the whole request had been sent: nobody will read the rest of it. */
function endEarly(request: ClientRequest, body: Outgoing["body"]): void {
  if (request.writableFinished) return;
  if (body instanceof Readable) body.destroy();
  request.destroy();
}

/** Looks in the time in which a rate is measured. */
const looks = 4;

/** Fails a body that brings less than the least rate while somebody waits for it. */
function watchOver(
  response: IncomingMessage,
  { measure, minRate }: Timing,
  waiting: (milliseconds: number) => void,
): void {
  const { socket } = response;
  const least = (measure / 1000) * minRate;
  let position = socket.bytesRead;
  /** What came between the last looks, for as long as somebody has been waiting. */
  let came: number[] = [];
  const watch = setInterval(() => {
    const bytes = socket.bytesRead - position;
    position = socket.bytesRead;
    // Bytes that wait here say that the reader is slow, not the server.
    const isWanted = response.readableFlowing !== false || response.listenerCount("readable") > 0;
    const isAwaited = isWanted && response.readableLength === 0 && !response.complete;
    came = isAwaited ? [...came, bytes].slice(-looks) : [];
    const sum = came.reduce((total, part) => total + part, 0);
    if (came.length === 0 || sum >= (least * came.length) / looks) return;
    if (came.length < looks) return waiting((measure * came.length) / looks);
    response.destroy(faultError(sum === 0 ? "body-timeout" : "slow-body"));
  }, measure / looks);
  response.once("close", () => clearInterval(watch));
}
