import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { readNamed } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { type Connections, openConnections } from "./connections.ts";
import { RegistryServerError } from "./errors.ts";
import { serverLimits } from "./limits.ts";
import { Refusal } from "./refusal.ts";

/** Where requests come in: an address that is listened on, and the connections to it. */
export type Front = Awaited<ReturnType<typeof openFront>>;

/** PEM files of a certificate chain and its key. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Answers a request. `expectsContinue`: the client waits for leave before it sends the body. */
export type Answerer = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => void;

/** @throws {RegistryServerError} `tls-invalid`. */
export async function openFront(tls: CertificateFiles | undefined, answer: Answerer) {
  const { server, certificate } =
    tls === undefined
      ? { server: createServer(serverOptions), certificate: undefined }
      : await createSecureServer(tls);
  server.timeout = serverLimits.silenceMilliseconds;
  const connections = openConnections(serverLimits.connections);
  server.prependListener("connection", (socket: Socket) => connections.admit(socket));
  const answered = (expectsContinue: boolean) => (request: IncomingMessage, response: ServerResponse) => {
    connections.serve(request, response);
    answer(request, response, expectsContinue);
  };
  const closeConnections = closerOf(server, connections);
  server.on("request", answered(false));
  server.on("checkContinue", answered(true));
  server.on("clientError", answerUnreadable);
  const measuring = setInterval(() => connections.measure(), serverLimits.measuringMilliseconds).unref();
  return {
    connections,
    /** What TLS shows who it is. */
    certificate,
    /** @returns `host:port`. @throws {RegistryServerError} `address-unavailable`. */
    listen: (at: { readonly host: string; readonly port: number }): Promise<string> => listen(server, at),
    /** Takes no more requests, gives those under way so many milliseconds from the newest call on, then cuts them off. */
    async close(within: number): Promise<void> {
      await closeConnections(within);
      clearInterval(measuring);
    },
  };
}

const serverOptions = {
  maxHeaderSize: serverLimits.headerBytes,
  // A layer may take hours on a slow line; what is bounded is how slow.
  requestTimeout: 0,
  headersTimeout: serverLimits.greetingMilliseconds,
  keepAliveTimeout: 30_000,
  noDelay: true,
};

/** Bytes of a certificate with its chain, or of a key: a few thousand. */
const maxTlsFileBytes = 1024 * 1024;

async function createSecureServer(tls: CertificateFiles) {
  try {
    const { bytes: cert } = await readNamed(tls.cert, maxTlsFileBytes);
    const { bytes: key } = await readNamed(tls.key, maxTlsFileBytes);
    const handshakeTimeout = serverLimits.greetingMilliseconds;
    const server = createTlsServer({ ...serverOptions, cert, key, handshakeTimeout, minVersion: "TLSv1.2" });
    answerPlainRequests(server);
    return { server, certificate: new X509Certificate(cert) };
  } catch (cause) {
    throw new RegistryServerError("tls-invalid", `no TLS with these files: ${messageOf(cause)}`, {
      where: `${tls.cert}, ${tls.key}`,
      hint: "give a certificate chain and its unencrypted key, both in PEM",
      cause,
    });
  }
}

/** The first byte of whoever speaks TLS (RFC 8446, 5.1: a record with a handshake). */
const handshakeRecord = 0x16;

/** Looks at the first byte of each connection: who speaks HTTP is told so in HTTP, and TLS gets the others. */
function answerPlainRequests(server: Server): void {
  const greet = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const patience = setTimeout(() => socket.destroy(), serverLimits.greetingMilliseconds).unref();
    socket.once("close", () => clearTimeout(patience));
    socket.on("error", () => socket.destroy());
    const look = () => {
      const first: Buffer | null = socket.read();
      if (first === null) return;
      socket.off("readable", look);
      clearTimeout(patience);
      socket.unshift(first);
      if (/^[A-Za-z]/.test(String.fromCharCode(first[0] ?? handshakeRecord))) answerPlain(socket);
      else for (const listener of greet) listener.call(server, socket);
    };
    socket.on("readable", look);
  });
}

function answerPlain(socket: Socket): void {
  const body =
    "This registry speaks HTTPS here, and was sent plain HTTP. Write https:// in place of http://.\n";
  const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}`;
  socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
  // Closed with bytes unread, the connection would be lost with the answer in it.
  socket.resume();
  setTimeout(() => socket.destroy(), serverLimits.refusedBodyMilliseconds).unref();
}

async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<string> {
  server.listen({ host, port });
  await once(server, "listening").catch((cause: unknown) => {
    throw new RegistryServerError("address-unavailable", `cannot listen: ${messageOf(cause)}`, {
      where: `${host}:${port}`,
      hint: "choose another address; port 0 takes one that is free",
      cause,
    });
  });
  const { address, family, port: taken } = server.address() as AddressInfo;
  return family === "IPv6" ? `[${address}]:${taken}` : `${address}:${taken}`;
}

/** Answers what is no HTTP request at all, or one with too many headers. */
function answerUnreadable(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
  const status =
    error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
  const body = new Refusal("UNSUPPORTED", "this is no request that the registry can read").body();
  const headers = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${body}`);
}

/**
 * How to close the server for good. `server.close()` alone would wait for connections that are kept alive, and for
 * those that never sent a request.
 */
function closerOf(server: Server, { sockets }: Connections): (within: number) => Promise<void> {
  let underWay = 0;
  let closed: Promise<void> | undefined;
  let patience: NodeJS.Timeout | undefined;
  let isOver = false;
  const cutOff = () => {
    for (const socket of sockets) socket.destroySoon();
  };
  const count = (_request: IncomingMessage, response: ServerResponse) => {
    underWay += 1;
    if (closed !== undefined) response.setHeader("Connection", "close");
    response.once("close", () => {
      underWay -= 1;
      if (closed !== undefined && underWay === 0) setImmediate(cutOff);
    });
  };
  server.on("request", count);
  server.on("checkContinue", count);
  return (within) => {
    if (isOver) return Promise.resolve();
    clearTimeout(patience);
    patience = setTimeout(() => {
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
    }, within);
    closed ??= new Promise<void>((resolve) => {
      server.close(() => {
        isOver = true;
        clearTimeout(patience);
        resolve();
      });
      if (underWay === 0) cutOff();
    });
    return closed;
  };
}
