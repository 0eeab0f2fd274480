import type { Asking } from "../context.ts";

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

/** Answers with a stream of events. Pieces are written when the listener takes them, and not kept for one that does not. */
export function streamOf(c: Asking, pieces: AsyncIterable<Uint8Array>): Response {
  return c.body(ReadableStream.from(withBeginning(pieces)), 200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  });
}

async function* withBeginning(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield beginning;
  yield* pieces;
}
