import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Who is connected: a bounded number, in which nobody who is silent keeps out others. */
export type Connections = ReturnType<typeof openConnections>;

/** Bytes since the last look below which a connection counts as silent: nobody's image comes by such a line. */
const minBytes = 1024;

interface Connection {
  readonly socket: Socket;
  readonly client: string;
  isTrusted: boolean;
  bytes: number;
  /** How many looks ago bytes flowed. */
  silentFor: number;
  current: { readonly request: IncomingMessage; readonly response: ServerResponse } | undefined;
}

/** @param most How many there may be at once. */
export function openConnections(most: number) {
  // In the order in which they came. By both ends, because TLS has a socket of its own over that of the connection.
  const connections = new Map<string, Connection>();
  const sockets = new Set<Socket>();

  function leave(): Connection | undefined {
    const idle = [...connections.values()].filter(mayGo);
    const strangers = idle.filter(({ isTrusted }) => !isTrusted);
    const candidates = strangers.length > 0 ? strangers : idle;
    const counts = new Map<string, number>();
    for (const { client } of connections.values()) counts.set(client, (counts.get(client) ?? 0) + 1);
    const countOf = ({ client }: Connection) => counts.get(client) ?? 0;
    return candidates.reduce<Connection | undefined>((first, other) => {
      if (first === undefined || countOf(other) > countOf(first)) return other;
      return countOf(other) === countOf(first) && other.silentFor > first.silentFor ? other : first;
    }, undefined);
  }

  const forget = (name: string, socket: Socket) => {
    sockets.delete(socket);
    if (connections.get(name)?.socket === socket) connections.delete(name);
  };

  return {
    sockets,
    /**
     * Counts a connection in. When there are too many, one has to go for it: of those that nobody has logged in by, if there
     * are such, then of the client that has most, the one that was silent for longest. A connection over which bytes flow,
     * or whose request is being worked on, stays; when all are such, the new one goes.
     */
    admit(socket: Socket): void {
      if (connections.size >= most) {
        const leaving = leave();
        if (leaving === undefined) return void socket.destroy();
        forget(endsOf(leaving.socket), leaving.socket);
        leaving.socket.destroy();
      }
      const name = endsOf(socket);
      const client = clientAt(socket.remoteAddress);
      const fresh = { isTrusted: false, bytes: 0, silentFor: 0, current: undefined };
      connections.set(name, { socket, client, ...fresh });
      sockets.add(socket);
      socket.once("close", () => forget(name, socket));
    },
    serve(request: IncomingMessage, response: ServerResponse): void {
      const connection = connections.get(endsOf(request.socket));
      if (connection === undefined) return;
      connection.current = { request, response };
      response.once("close", () => {
        if (connection.current?.request === request) connection.current = undefined;
      });
    },
    /** Whoever sent the request is a user. */
    trust(request: IncomingMessage): void {
      const connection = connections.get(endsOf(request.socket));
      if (connection !== undefined) connection.isTrusted = true;
    },
    /** Looks at how many bytes have gone over each, as it has to every second. */
    measure(): void {
      for (const connection of connections.values()) {
        const { bytesRead, bytesWritten } = connection.socket;
        const bytes = bytesRead + bytesWritten;
        connection.silentFor = bytes - connection.bytes < minBytes ? connection.silentFor + 1 : 0;
        connection.bytes = bytes;
      }
    },
  };
}

function mayGo({ current, silentFor, bytes, socket }: Connection): boolean {
  if (current === undefined) return true;
  if (current.request.complete && !current.response.headersSent) return false;
  return silentFor > 0 || socket.bytesRead + socket.bytesWritten - bytes < minBytes;
}

function endsOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}

/**
 * Whoever is behind a network address, as far as limits are concerned: an IPv4 address, or the first half of an IPv6
 * one, for one household has as many of the latter as it likes.
 */
export function clientAt(address: string | undefined): string {
  const text = (address ?? "").replace(/%.*$/, "").replace(/^::ffff:(?=[\d.]+$)/i, "");
  if (!text.includes(":")) return text;
  const [before = "", after = ""] = text.split("::");
  const leading = before === "" ? [] : before.split(":");
  const trailing = after === "" ? [] : after.split(":");
  const gap = Array<string>(Math.max(0, 8 - leading.length - trailing.length)).fill("0");
  return `${[...leading, ...gap, ...trailing].slice(0, 4).join(":")}::/64`;
}
