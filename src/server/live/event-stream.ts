import { PassThrough, Readable, type Writable } from "node:stream";
import type { Asking } from "../context.ts";
import { safeHeaders } from "../headers.ts";
import { beginning, comment } from "./sse.ts";

/** Milliseconds. */
const timing = {
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

/** How a stream lives. */
export interface Life {
  /** Ends the stream. */
  readonly stopping: AbortSignal;
  /** Whether who listens may still. */
  readonly mayGoOn: () => Promise<boolean>;
  /** Told of what it fails with. */
  readonly onProblem: (error: unknown) => void;
}

/** Events to one listener. */
export interface EventStream {
  /** Aborted when nothing is told any more: who listens is gone or may not any more, the server stops, or the stream has had its time. */
  readonly signal: AbortSignal;
  /** Whether what is told is on its way. Who tells more nevertheless has it kept in memory. */
  readonly isTaken: boolean;
  tell(piece: Uint8Array): void;
  /** Resolves when what was told is on its way, or the signal is aborted. */
  taken(): Promise<void>;
  /** Has it called whenever what was told is on its way again, and when the signal is aborted. @returns What ends that. */
  onTaken(ready: () => void): () => void;
}

/**
 * Answers with a stream of events, with comments where nothing else is said. There may be thousands of them: what many are told is one
 * piece of memory, and nothing stands between it and their connections.
 * @param tell Tells them; the stream ends with it, and is cut off when it fails.
 */
export function streamOf(c: Asking, life: Life, tell: (stream: EventStream) => Promise<void>): Response {
  const { outgoing } = c.env;
  if (outgoing === undefined) {
    const through = new PassThrough();
    carry(through, life, tell);
    return c.body(Readable.toWeb(through) as ReadableStream, 200, headers);
  }
  for (const [name, value] of Object.entries({ ...safeHeaders, ...headers })) outgoing.setHeader(name, value);
  outgoing.setHeader("x-request-id", c.get("requestId"));
  outgoing.writeHead(200);
  carry(outgoing, life, tell);
  // Tells the adapter of Node's server that it has nothing to write any more.
  return new Response(null, { headers: { "x-hono-already-sent": "true" } });
}

function carry(to: Writable, life: Life, tell: (stream: EventStream) => Promise<void>): void {
  const stream = new OpenStream(to, life);
  tell(stream).then(stream.end, stream.fail);
}

class OpenStream implements EventStream {
  readonly #to: Writable;
  readonly #life: Life;
  readonly #over = new AbortController();
  // Not all at once, when a server comes back.
  readonly #until = performance.now() + timing.whole * (0.9 + Math.random() / 10);
  readonly #beats: NodeJS.Timeout;
  #checked = performance.now();
  readonly #ready = new Set<() => void>();

  constructor(to: Writable, life: Life) {
    this.#to = to;
    this.#life = life;
    this.#beats = setInterval(() => void this.#beat().catch(this.fail), timing.comment);
    to.on("drain", this.#taken);
    to.once("close", this.end);
    life.stopping.addEventListener("abort", this.end, { once: true });
    // Of a connection that is gone already, nobody is told any more that it has closed.
    if (to.destroyed || life.stopping.aborted) this.end();
    else this.tell(beginning);
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  get isTaken(): boolean {
    return !this.#to.writableNeedDrain;
  }

  tell(piece: Uint8Array): void {
    if (!this.signal.aborted) this.#to.write(piece);
    if (this.#to.destroyed) this.end();
  }

  async taken(): Promise<void> {
    if (this.isTaken || this.signal.aborted) return;
    let forget = () => {};
    await new Promise<void>((resolve) => {
      forget = this.onTaken(resolve);
    });
    forget();
  }

  onTaken(ready: () => void): () => void {
    // Its own: somebody may wait twice with one function.
    const own = (): void => ready();
    this.#ready.add(own);
    return () => void this.#ready.delete(own);
  }

  #taken = (): void => {
    for (const ready of this.#ready) ready();
  };

  end = (): void => {
    if (this.signal.aborted) return;
    clearInterval(this.#beats);
    this.#life.stopping.removeEventListener("abort", this.end);
    this.#over.abort();
    this.#to.end();
    this.#taken();
  };

  fail = (error: unknown): void => {
    // Of what has ended already, nothing is missed.
    if (!this.signal.aborted) this.#life.onProblem(error);
    // Whoever listens sees that the stream was cut off, and comes again.
    this.#to.destroy();
  };

  async #beat(): Promise<void> {
    const now = performance.now();
    if (now > this.#until) return this.end();
    if (now - this.#checked >= timing.recheck) {
      this.#checked = now;
      if (!(await this.#life.mayGoOn())) return this.end();
    }
    if (this.isTaken) this.tell(comment);
  }
}
