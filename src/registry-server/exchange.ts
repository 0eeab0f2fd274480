import type { IncomingMessage, ServerResponse } from "node:http";
import { serverLimits } from "./limits.ts";
import { atLeastRate } from "./patience.ts";
import { Refusal } from "./refusal.ts";

export interface Exchange {
  readonly method: string;
  /** Who sent it, as far as limits are concerned: a user, or an address. */
  readonly client: string;
  readonly query: URLSearchParams;
  /** A header of the request; of a repeated one the first. */
  header(name: string): string | undefined;
  /** The body of the request, piece by piece; fails when the client goes away, or sends too slowly. */
  body(): AsyncIterable<Uint8Array>;
  /** The whole body. @throws {Refusal} 413 when it has more bytes than the limit. */
  bodyUpTo(limit: number, what: string): Promise<Buffer>;
  /** Cuts the request off, whatever it is doing. */
  abort(): void;
  /** Answers. The body of an answer to `HEAD` is measured and left out. */
  answer(status: number, headers: Readonly<Record<string, string>>, body?: string | Uint8Array): void;
  /** The response itself, for a body that is streamed. */
  readonly response: ServerResponse;
}

/**
 * The exchange of a request.
 * @param expectsContinue The client waits for leave before it sends the body.
 */
export function exchangeOf(
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
  { client, query }: Pick<Exchange, "client" | "query">,
): Exchange {
  async function* body(): AsyncGenerator<Uint8Array> {
    if (expectsContinue) response.writeContinue();
    yield* atLeastRate(piecesOf(request), serverLimits.bodyPatience);
  }
  const header = (name: string) => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  return {
    method: request.method ?? "GET",
    client,
    query,
    response,
    header,
    body,
    async bodyUpTo(limit, what) {
      const pieces: Uint8Array[] = [];
      const message = `${what} may have ${limit} bytes at most`;
      for await (const piece of bounded({ header, body }, limit, message)) pieces.push(piece);
      return Buffer.concat(pieces);
    },
    abort: () => void request.destroy(),
    answer(status, headers, content = "") {
      const bytes = typeof content === "string" ? Buffer.from(content) : content;
      if (status !== 204 && status !== 304) response.setHeader("Content-Length", bytes.length);
      response.writeHead(status, headers);
      response.end(request.method === "HEAD" ? undefined : bytes);
    },
  };
}

/** The body of a request up to so many bytes. @throws {Refusal} 413 for more, at once where the request says so. */
export function bounded(
  { header, body }: Pick<Exchange, "header" | "body">,
  limit: number,
  message: string,
): AsyncIterable<Uint8Array> {
  const refuse = () => new Refusal("SIZE_INVALID", message, { status: 413 });
  if (Number(header("content-length") ?? 0) > limit) throw refuse();
  async function* pieces(): AsyncGenerator<Uint8Array> {
    let length = 0;
    for await (const piece of body()) {
      length += piece.length;
      if (length > limit) throw refuse();
      yield piece;
    }
  }
  return pieces();
}

async function* piecesOf(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    // The response goes over the same socket: leaving the body early must not destroy it.
    yield* request.iterator({ destroyOnReturn: false });
  } catch (thrown) {
    // What had arrived when the connection broke may still wait to be read.
    for (let piece = request.read(); piece !== null; piece = request.read()) yield piece;
    throw thrown;
  }
}

/** Answers in JSON. */
export function answerJson(
  exchange: Exchange,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  exchange.answer(200, { "Content-Type": "application/json", ...headers }, JSON.stringify(value));
}

/**
 * Answers a request that was refused. A client that is still sending the body gets the whole answer at once, but the
 * connection ends only when the body does, within bounds: closed earlier, it would be lost with the answer in it.
 */
export function answerRefusal(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = Buffer.from(refusal.body());
  const waitsForLeave = request.headers.expect !== undefined && !request.complete;
  const endsAtOnce = waitsForLeave || refusal.status === 408;
  response.writeHead(refusal.status, {
    "Content-Type": "application/json",
    "Content-Length": body.length,
    ...(endsAtOnce && { Connection: "close" }),
    ...refusal.headers,
  });
  if (request.method === "HEAD") response.flushHeaders();
  else response.write(body);
  if (request.complete || endsAtOnce) {
    response.end();
    return;
  }
  const patience = setTimeout(() => request.destroy(), serverLimits.refusedBodyMilliseconds);
  response.once("close", () => clearTimeout(patience));
  let left = serverLimits.refusedBodyBytes;
  request.on("data", (piece: Uint8Array) => {
    left -= piece.length;
    if (left < 0) request.destroy();
  });
  request.once("end", () => response.end());
}
