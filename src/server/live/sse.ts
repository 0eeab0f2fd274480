import type { ServerResponse } from "node:http";
import type { Asking } from "../context.ts";
import { safeHeaders } from "../headers.ts";

/** An event as it goes over the line (HTML, section 9.2). */
export interface ServerEvent {
  readonly event: string;
  readonly id?: string | undefined;
  /** JSON, or any text of one line. */
  readonly data: string;
}

const encoder = new TextEncoder();

export function encodeEvent({ event, id, data }: ServerEvent): Uint8Array {
  return encoder.encode(`event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`);
}

/** What keeps proxies and browsers from giving up a stream on which nothing happens. */
export const comment = encoder.encode(":\n\n");
const beginning = encoder.encode("retry: 2000\n\n");

/** Milliseconds. */
export const streamTiming = {
  comment: 15_000,
  /** After so long a stream ends, and whoever listens comes again: perhaps to another server. */
  whole: 30 * 60_000,
  /** Whether one may still read is asked again so often. */
  recheck: 60_000,
} as const;

const headers = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
} as const;

/** Answers with a stream of events. Pieces are written when the listener takes them, and not kept for one that does not. */
export function streamOf(c: Asking, pieces: AsyncIterable<Uint8Array>): Response {
  const { outgoing } = c.env;
  if (outgoing === undefined) return c.body(ReadableStream.from(withBeginning(pieces)), 200, headers);
  for (const [name, value] of Object.entries({ ...safeHeaders, ...headers })) outgoing.setHeader(name, value);
  outgoing.setHeader("x-request-id", c.get("requestId"));
  outgoing.writeHead(200);
  void write(pieces, outgoing);
  return alreadySent();
}

/** Tells the adapter of Node's server that it has nothing to write any more. */
function alreadySent(): Response {
  return new Response(null, { headers: { "x-hono-already-sent": "true" } });
}

async function write(pieces: AsyncIterable<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  try {
    outgoing.write(beginning);
    for await (const piece of pieces) {
      const isTaken = outgoing.write(piece);
      // Of a connection that is gone already, nobody is told any more that it has closed.
      if (outgoing.destroyed) return;
      if (!isTaken) await drained(outgoing);
    }
    outgoing.end();
  } catch {
    // Whoever listens sees that the stream was cut off, and comes again.
    outgoing.destroy();
  }
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off("drain", done);
      outgoing.off("close", done);
      resolve();
    };
    outgoing.once("drain", done);
    outgoing.once("close", done);
  });
}

async function* withBeginning(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield beginning;
  yield* pieces;
}
