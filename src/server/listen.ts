import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { HttpBindings } from "@hono/node-server";
import { messageOf } from "../errors/index.ts";
import { ServerError } from "./errors.ts";
import type { App } from "./model.ts";

/** A server that listens. */
export interface Listening {
  /** `host:port`. */
  readonly address: string;
  /** Takes no more requests, gives those under way so many milliseconds, then cuts them off. */
  close(within: number): Promise<void>;
}

const limits = {
  maxHeaderSize: 16 * 1024,
  /** For the headers, and for a request with its body. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  noDelay: true,
};

/** Connections at a time: each listener of a stream is one. */
const maxConnections = 10_000;

/**
 * Listens for requests over plain HTTP: TLS is the business of what stands in front.
 * @throws {ServerError} `address-unavailable`.
 */
export async function listen(
  app: App,
  at: { readonly host: string; readonly port: number },
): Promise<Listening> {
  const { getRequestListener } = await import("@hono/node-server");
  const answer = getRequestListener(
    (request, env) => {
      const { incoming, outgoing } = env as HttpBindings;
      return app.fetch(request, { address: clientOf(incoming), outgoing });
    },
    { overrideGlobalObjects: false },
  );
  const server = createServer(limits, (request: IncomingMessage, response: ServerResponse) => {
    void answer(request, response);
  });
  server.maxConnections = maxConnections;
  server.listen(at);
  await once(server, "listening").catch((cause: unknown) => {
    throw new ServerError("address-unavailable", `cannot listen: ${messageOf(cause)}`, {
      where: `${at.host}:${at.port}`,
      hint: "choose another address; port 0 takes one that is free",
      cause,
    });
  });
  const { address, family, port } = server.address() as AddressInfo;
  return {
    address: family === "IPv6" ? `[${address}]:${port}` : `${address}:${port}`,
    close(within) {
      return new Promise((resolve) => {
        const patience = setTimeout(() => server.closeAllConnections(), within);
        server.close(() => {
          clearTimeout(patience);
          resolve();
        });
        server.closeIdleConnections();
      });
    },
  };
}

function clientOf({ socket }: { readonly socket: Socket }): string | undefined {
  return socket.remoteAddress?.replace(/^::ffff:(?=[\d.]+$)/i, "");
}
