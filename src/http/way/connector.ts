import { lookup } from "node:dns";
import { once } from "node:events";
import { type Agent, type ClientRequestArgs, Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { connect as connectTcp, type LookupFunction, type OnReadOpts, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { ConnectionError, faultError } from "../failure/fault.ts";
import { type AddressKind, hostnameOf, kindOfAddress, literalAddress } from "./address.ts";
import type { TlsOptions } from "./tls.ts";

/** Which addresses may be connected to, and who learns which one it was. */
export interface AddressRule {
  readonly allows: (kind: AddressKind) => boolean;
  readonly connected?: (kind: AddressKind) => void;
}

/** How connections to one origin are made. */
export interface Connector {
  readonly rule: AddressRule;
  readonly tls: TlsOptions | undefined;
  /** The way goes through this proxy. */
  readonly proxy: URL | undefined;
  /** Of a proxy that is spoken to by HTTPS. */
  readonly proxyTls: TlsOptions | undefined;
  /** Milliseconds for a connection, TLS included. */
  readonly timeout: number;
  readonly connections: number;
  readonly opened: (socket: Socket) => void;
}

type Target = Pick<ClientRequestArgs, "hostname" | "host" | "port">;

/**
 * Connections to one origin, kept for further requests. Their address is checked when it is known for certain: after
 * the name has been resolved, on the very addresses that are then connected to. A name that leads anywhere forbidden
 * is refused as a whole, so that neither a changing answer nor a mixed one gets through.
 */
export function createAgent(connector: Connector): Agent {
  const Kind = connector.tls === undefined ? HttpAgent : HttpsAgent;
  const agent = new Kind({ keepAlive: true, maxSockets: connector.connections, noDelay: true });
  const create = (target: Target, created: (error: Error | null, socket?: Duplex) => void): undefined => {
    connection(connector, target).then(
      (socket) => {
        connector.opened(socket);
        created(null, socket);
      },
      (error: Error) => created(error),
    );
  };
  return Object.assign(agent, { createConnection: create });
}

export type RequestTo = typeof httpRequest;

/** Node's function for requests in a scheme. */
export function requestTo({ protocol }: URL): RequestTo {
  return protocol === "https:" ? httpsRequest : httpRequest;
}

async function connection(connector: Connector, target: Target): Promise<Socket> {
  const hostname = target.hostname ?? target.host ?? "";
  const port = Number(target.port ?? (connector.tls === undefined ? 80 : 443));
  const end = new AbortController();
  const watch = setTimeout(() => end.abort(faultError("connect-timeout")), connector.timeout);
  try {
    if (connector.proxy === undefined) return await direct(connector, hostname, port, end.signal);
    const tunnel = await tunnelTo(connector.proxy, connector.proxyTls, hostname, port, end.signal);
    if (connector.tls === undefined) return tunnel;
    const secured = connectTls({ socket: tunnel, host: hostname, ...serverName(hostname), ...connector.tls });
    return await opened(secured, true, end.signal);
  } finally {
    clearTimeout(watch);
  }
}

async function direct(
  { rule, tls }: Connector,
  hostname: string,
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  const literal = literalAddress(hostname);
  if (literal !== undefined && !rule.allows(kindOfAddress(literal))) {
    throw forbidden(hostname, kindOfAddress(literal));
  }
  const options = {
    host: hostname,
    port,
    lookup: guardedLookup(rule),
    autoSelectFamilyAttemptTimeout: 1000,
    noDelay: true,
  };
  const socket: Socket = readingInto(shared, (onread) =>
    tls === undefined
      ? connectTcp({ ...options, ...onread })
      : connectTls({ ...options, ...serverName(hostname), ...tls, ...onread }),
  );
  if (tls === undefined) await opened(socket, false, signal);
  else await secured(socket, { hostname, port, rule }, signal);
  if (socket.remoteAddress !== undefined) rule.connected?.(kindOfAddress(socket.remoteAddress));
  return socket;
}

/**
 * The socket, once TLS is agreed on. Who speaks plain HTTP may wait for the rest of what looks like a very long line:
 * a silence is asked in plain HTTP what it is.
 */
async function secured(socket: Socket, place: ConnectTarget, signal: AbortSignal): Promise<void> {
  const isPlain = new AbortController();
  const question = setTimeout(async () => {
    if (socket.bytesRead > 0 || socket.connecting) return;
    if (await speaksPlainHttp(place, signal)) isPlain.abort(faultError("plain-http"));
  }, silence);
  try {
    await opened(socket, true, AbortSignal.any([signal, isPlain.signal]));
  } finally {
    clearTimeout(question);
  }
}

/** Milliseconds without a byte, after which it is asked whether a host speaks TLS at all. */
const silence = 1_000;

/** Bytes of one read. */
const readBytes = 512 * 1024;

/**
 * What all connections read into, on systems where a read is over before the next one begins. The HTTP parser copies
 * what it hands on, so nothing is left here that somebody still needs; and everything that is large is hashed.
 */
const shared = process.platform === "win32" ? undefined : Buffer.allocUnsafeSlow(readBytes);

/**
 * A socket that reads into one large buffer instead of many small new ones, which takes a third of the CPU time off a
 * large download. It tells of what it read as any other socket does.
 */
function readingInto(
  buffer: Buffer | undefined,
  connect: (onread: { readonly onread?: OnReadOpts }) => Socket,
): Socket {
  if (buffer === undefined) return connect({});
  const callback = (bytes: number, read: Uint8Array): boolean => {
    socket.emit("data", read.subarray(0, bytes));
    return true;
  };
  const socket: Socket = connect({ onread: { buffer, callback } });
  return socket;
}

/** TLS names servers by their names only (RFC 6066, section 3). */
function serverName(hostname: string): { servername?: string } {
  return literalAddress(hostname) === undefined ? { servername: hostname } : {};
}

async function opened<Opening extends Socket>(
  socket: Opening,
  secure: boolean,
  signal: AbortSignal,
): Promise<Opening> {
  try {
    await once(socket, secure ? "secureConnect" : "connect", { signal });
    return socket;
  } catch (error) {
    // What else it says of its end must not end the process.
    socket.on("error", () => {}).destroy();
    throw signal.aborted ? signal.reason : error;
  }
}

/** A connection through an HTTP proxy (RFC 9110, section 9.3.6). */
function tunnelTo(
  proxy: URL,
  tls: TlsOptions | undefined,
  hostname: string,
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  const authority = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  return new Promise((resolve, reject) => {
    const asking = requestTo(proxy)({
      ...proxyAddress(proxy),
      ...tls,
      method: "CONNECT",
      path: authority,
      headers: { host: authority, ...proxyAuthorization(proxy) },
      agent: false,
      signal,
    });
    asking.once("connect", ({ statusCode }, socket: Socket) => {
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(faultError("proxy", `the proxy answered ${statusCode}`));
    });
    asking.once("response", ({ statusCode }) => {
      asking.destroy();
      reject(faultError("proxy", `the proxy answered ${statusCode}`));
    });
    asking.once("error", (error) => {
      const reason = signal.aborted ? signal.reason : faultError("proxy", error.message);
      reject(reason);
    });
    asking.end();
  });
}

/** Where a host listens, and whether its address is one that may be connected to. */
export interface ConnectTarget {
  readonly hostname: string;
  readonly port: number;
  readonly rule: AddressRule;
}

/** Whether a host answers to plain HTTP. It is shown nothing but its own name. */
async function speaksPlainHttp(
  { hostname, port, rule }: ConnectTarget,
  signal: AbortSignal,
): Promise<boolean> {
  const asking = httpRequest({
    ...{ hostname, port, lookup: guardedLookup(rule), agent: false, signal },
    ...{ method: "GET", path: "/", headers: { "user-agent": "waybill" } },
  });
  const isSpoken = await new Promise<boolean>((resolve) => {
    asking.once("response", () => resolve(true));
    asking.once("error", () => resolve(false));
    asking.end();
  });
  asking.destroy();
  return isSpoken;
}

/** Whether a host answers to TLS, whoever it is. Nothing is said to it. */
export async function speaksTls({ hostname, port, rule }: ConnectTarget, timeout: number): Promise<boolean> {
  const socket = connectTls({
    ...{ host: hostname, port, lookup: guardedLookup(rule), ...serverName(hostname) },
    rejectUnauthorized: false,
  });
  const signal = AbortSignal.timeout(timeout);
  try {
    await opened(socket, true, signal);
    return true;
  } catch (error) {
    // It refuses us, by the rules of TLS.
    return error instanceof Error && /\balert\b/i.test(error.message);
  } finally {
    socket.destroy();
  }
}

/** Where a proxy listens. */
export function proxyAddress(proxy: URL): { hostname: string; port: number } {
  return {
    hostname: hostnameOf(proxy),
    port: Number(proxy.port || (proxy.protocol === "https:" ? 443 : 80)),
  };
}

/** The name and password in a proxy's URL, for the proxy alone. */
export function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair, "utf8").toString("base64")}` };
}

/** The failure of a request that would go to a forbidden address. */
export function forbidden(hostname: string, kind: AddressKind): ConnectionError {
  return new ConnectionError("unsafe-address", `${hostname} has a ${kind} address`, {
    where: hostname,
    hint: "if that is meant so, set allowPrivateAddresses for the registry in waybill.yaml",
  });
}

function guardedLookup(rule: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const first = addresses?.[0];
      if (error !== null || first === undefined) {
        callback(error ?? new Error(`${hostname} has no address`), "", 0);
        return;
      }
      const refused = addresses
        .map(({ address }) => kindOfAddress(address))
        .find((kind) => !rule.allows(kind));
      if (refused !== undefined) callback(forbidden(hostname, refused), "", 0);
      else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
