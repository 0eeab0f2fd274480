import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { messageOf } from "../errors/index.ts";
import type { Digest, RepositoryPath, Tag } from "../oci/index.ts";
import { type Authenticate, basicAuthentication, challenge } from "./authentication.ts";
import { type Conduct, conductOf, type RegistryBehaviour } from "./behaviour.ts";
import { dispatch, type ListingStyle } from "./dispatch.ts";
import { RegistryServerError } from "./errors.ts";
import { answerRefusal, exchangeOf } from "./exchange.ts";
import { serverLimits } from "./limits.ts";
import { Refusal, refusalOf } from "./refusal.ts";
import { readRequestTarget } from "./route.ts";
import { openStorage, type Storage } from "./storage.ts";

/** Where the data is, where to listen, and who may come in. */
export interface RegistryServerOptions {
  /** The folder that holds everything; made when it is missing. Several processes of a machine may serve it at once. */
  readonly dir: string;
  /** Where to listen; without it on 127.0.0.1, at a free port. */
  readonly listen?: { readonly host?: string; readonly port?: number };
  /** An htpasswd file with bcrypt entries; without it everybody may do everything. */
  readonly htpasswd?: string;
  /** PEM files of the certificate chain and its key; without them plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** How tags are listed; `plain` when it is not said. */
  readonly listing?: ListingStyle;
  /** In what it is to be unlike itself; for trying how clients get on with other registries. */
  readonly behaviour?: RegistryBehaviour;
  /** Called once for each request, when its response is finished or broken off. Must not throw. */
  readonly onRequest?: (event: RegistryRequestEvent) => void;
  /**
   * Called once for each manifest that a client has put, when it is stored with its tags and before the client is told;
   * not for one that is refused, nor for what other processes take in. Must not throw.
   */
  readonly onPush?: (event: RegistryPushEvent) => void;
}

/** A manifest that came in. */
export interface RegistryPushEvent {
  readonly repository: RepositoryPath;
  readonly digest: Digest;
  readonly mediaType: string;
  /** The tags that it was put under: none, one, or all of the `tag` parameters. */
  readonly tags: readonly Tag[];
  /** Bytes of the manifest itself. */
  readonly size: number;
}

/** One request, as a log shows it. Holds no header, and so no secret. */
export interface RegistryRequestEvent {
  readonly method: string;
  /** As the client wrote it, without the parameters. */
  readonly path: string;
  /** The parameters, without their `?`. */
  readonly query: string;
  readonly status: number;
  readonly milliseconds: number;
  /** Whether the whole response was sent. */
  readonly finished: boolean;
  /** What went wrong inside the server, for its operator; the client is not told. */
  readonly failure?: string;
}

/** A registry that is being served. */
export interface RegistryServer {
  /** `host:port`. */
  readonly address: string;
  /** `http://host:port`, or `https://…`. */
  readonly url: string;
  /** Takes no more requests, lets those under way finish for a few seconds, then cuts them off. */
  close(): Promise<void>;
}

/**
 * Starts a registry of the OCI distribution specification 1.1, with its data in a folder. What a client was told is
 * done is on disk; whatever ends the process, nothing half done is ever seen (see `layout.ts`).
 * @throws {RegistryServerError} when the folder, a file or the address cannot be used.
 */
export async function startRegistryServer(options: RegistryServerOptions): Promise<RegistryServer> {
  const storage = telling(await openStorage(options.dir), options.onPush);
  const authenticate =
    options.htpasswd === undefined ? undefined : await basicAuthentication(options.htpasswd);
  const server = await createHttpServer(options.tls);
  const conduct = conductOf(options.behaviour ?? {}, () => performance.now());
  const answerRequest = requestListener(storage, authenticate, conduct, options);
  const closeConnections = closerOf(server);
  server.on("request", (request, response) => void answerRequest(request, response, false));
  server.on("checkContinue", (request, response) => void answerRequest(request, response, true));
  server.on("clientError", answerUnreadable);
  const address = await listen(server, options.listen ?? {});
  const sweeping = setInterval(
    () => void storage.uploads.sweep(Date.now()).catch(() => undefined),
    serverLimits.uploadAgeMilliseconds / 24,
  ).unref();
  return {
    address,
    url: `${options.tls === undefined ? "http" : "https"}://${address}`,
    async close() {
      clearInterval(sweeping);
      await closeConnections();
      await storage.uploads.release();
    },
  };
}

/** A storage that says what manifests it takes in. */
function telling(storage: Storage, onPush: RegistryServerOptions["onPush"]): Storage {
  if (onPush === undefined) return storage;
  const { manifests } = storage;
  return {
    ...storage,
    manifests: {
      ...manifests,
      async put(repository, manifest, tags) {
        await manifests.put(repository, manifest, tags);
        const { digest, mediaType, bytes } = manifest;
        onPush({ repository, digest, mediaType, tags, size: bytes.length });
      },
    },
  };
}

const serverOptions = {
  maxHeaderSize: serverLimits.headerBytes,
  // A layer may take hours on a slow line; what is bounded is silence.
  requestTimeout: 0,
  headersTimeout: 30_000,
  keepAliveTimeout: 30_000,
  noDelay: true,
};

async function createHttpServer(tls: RegistryServerOptions["tls"]): Promise<Server> {
  const server = tls === undefined ? createServer(serverOptions) : await createHttpsServer(tls);
  server.timeout = serverLimits.silenceMilliseconds;
  server.maxConnections = serverLimits.connections;
  return server;
}

async function createHttpsServer(tls: { cert: string; key: string }): Promise<Server> {
  try {
    const [cert, key] = await Promise.all([readFile(tls.cert), readFile(tls.key)]);
    return createTlsServer({ ...serverOptions, cert, key, minVersion: "TLSv1.2" });
  } catch (cause) {
    throw new RegistryServerError("tls-invalid", `no TLS with these files: ${messageOf(cause)}`, {
      where: `${tls.cert}, ${tls.key}`,
      hint: "give a certificate chain and its unencrypted key, both in PEM",
      cause,
    });
  }
}

async function listen(server: Server, at: { host?: string; port?: number }): Promise<string> {
  const host = at.host ?? "127.0.0.1";
  server.listen({ host, port: at.port ?? 0 });
  await once(server, "listening").catch((cause: unknown) => {
    throw new RegistryServerError("address-unavailable", `cannot listen: ${messageOf(cause)}`, {
      where: `${host}:${at.port ?? 0}`,
      hint: "choose another address; port 0 takes one that is free",
      cause,
    });
  });
  const { address, family, port } = server.address() as AddressInfo;
  return family === "IPv6" ? `[${address}]:${port}` : `${address}:${port}`;
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
function closerOf(server: Server): () => Promise<void> {
  const connections = new Set<Socket>();
  let underWay = 0;
  let closed: Promise<void> | undefined;
  const cutOff = () => {
    for (const connection of connections) connection.destroySoon();
  };
  server.on("connection", (connection: Socket) => {
    connections.add(connection);
    connection.once("close", () => connections.delete(connection));
  });
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
  return () => {
    closed ??= new Promise<void>((resolve) => {
      const patience = setTimeout(() => server.closeAllConnections(), serverLimits.closingMilliseconds);
      server.close(() => {
        clearTimeout(patience);
        resolve();
      });
      if (underWay === 0) cutOff();
    });
    return closed;
  };
}

function requestListener(
  storage: Storage,
  authenticate: Authenticate | undefined,
  conduct: Conduct,
  options: RegistryServerOptions,
) {
  return async (
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): Promise<void> => {
    const started = performance.now();
    const method = request.method ?? "GET";
    const target = request.url ?? "/";
    let failure: string | undefined;
    const path = target.split("?", 1)[0] ?? "";
    response.once("close", () =>
      options.onRequest?.({
        method,
        path,
        query: target.slice(path.length + 1),
        status: response.statusCode,
        milliseconds: performance.now() - started,
        finished: response.writableFinished,
        ...(failure === undefined ? {} : { failure }),
      }),
    );
    response.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
    response.setHeader("X-Content-Type-Options", "nosniff");
    try {
      await conduct.greet(response);
      if (authenticate !== undefined && !(await authenticate(request.headers.authorization))) {
        throw new Refusal("UNAUTHORIZED", "log in with a user name and password of this registry", {
          headers: { "WWW-Authenticate": challenge },
        });
      }
      const { route, query } = readRequestTarget(method, target);
      const exchange = exchangeOf(request, response, query, expectsContinue);
      const shaped = await conduct.shape(exchange, route, storage);
      await dispatch(shaped, route, storage, options.listing ?? "plain");
    } catch (thrown) {
      const refusal = refusalOf(thrown);
      if (refusal.status >= 500 && !response.destroyed) failure = messageOf(refusal.cause ?? refusal);
      answerRefusal(request, response, refusal);
    }
  };
}
