import { Readable } from "node:stream";
import type { Descriptor } from "../oci/index.ts";
import { vouchFor } from "../registry/index.ts";
import type { Group } from "./stragglers.ts";

/** What a fan-out is of, and what becomes of those who cannot keep up. */
export interface FanOutOptions<To> {
  readonly blob: Descriptor;
  /** The byte that the source begins with: the first one when it is left out. */
  readonly from?: number;
  /** Opens the rest of the blob for one who has left, from an offset on. */
  readonly rest: (offset: number, to: To) => Promise<Readable>;
  /** Told of bytes as they come, and of those whom they go to. */
  readonly onBytes: (bytes: number, to: Iterable<To>) => void;
  /** Bytes to keep of what has passed, for members whose connections break: none when it is left out. */
  readonly kept?: number;
}

/** Bytes that a member may be behind the source. Chunks are shared, so this bounds the whole group, not each member. */
export const windowBytes = 4 * 1024 * 1024;
/**
 * A member with fewer bytes to send than this is waiting for more. Nothing is read ahead while all have that much:
 * buffers that are soon free again cost the garbage collector next to nothing, those that live longer a lot.
 */
const enough = 64 * 1024;
/** Milliseconds that a source is kept open for members to come back to, when none is left. */
const linger = 60_000;

const isWaiting = ({ readableLength }: Readable): boolean => readableLength < enough;

/**
 * One stream to several destinations at the same time. One of them can {@link leave} the group with what it has yet to
 * send, and gets the rest by itself; one that fails leaves at once, and may {@link rejoin} where what it lacks is kept.
 */
export class FanOut<To> implements Group<To> {
  readonly #source: Readable;
  readonly #options: FanOutOptions<To>;
  readonly #members = new Map<Readable, To>();
  readonly #tail: Uint8Array[] = [];
  #tailBytes = 0;
  #position: number;
  #isOver = false;
  #lingering: NodeJS.Timeout | undefined;

  constructor(source: Readable, options: FanOutOptions<To>) {
    this.#source = source;
    this.#options = options;
    this.#position = options.from ?? 0;
  }

  /** Everything that the source brings; to be called before {@link start}. */
  join(to: To): Readable {
    // A stream asks for more before it has given away what it has: how full it is shows afterwards.
    const read = (): void => queueMicrotask(() => this.#resume());
    const member = new Readable({ highWaterMark: enough, read });
    member.once("close", () => this.#remove(member));
    // Whoever reads it learns of its failure; one that nobody reads must not end the process.
    member.on("error", () => {});
    this.#members.set(member, to);
    return vouchFor(member, this.#options.blob);
  }

  /**
   * What has passed from an offset on, and all that follows; `undefined` when that is not kept any more. A source that
   * nobody reads any more is given up then.
   */
  rejoin(to: To, offset: number): Readable | undefined {
    clearTimeout(this.#lingering);
    const skipped = offset - (this.#position - this.#tailBytes);
    const isKept = skipped >= 0 && offset <= this.#position && (this.#isOver || !this.#source.destroyed);
    if (!isKept) {
      if (this.#members.size === 0) this.end();
      return undefined;
    }
    const member = this.join(to);
    let before = skipped;
    for (const chunk of this.#tail) {
      if (before < chunk.length) member.push(chunk.subarray(before));
      before = Math.max(0, before - chunk.length);
    }
    if (this.#isOver) {
      this.#members.delete(member);
      member.push(null);
    } else this.#resume();
    return member;
  }

  /** Nobody will come back. */
  end(): void {
    clearTimeout(this.#lingering);
    this.#tail.length = 0;
    this.#tailBytes = 0;
    this.#source.destroy();
  }

  /** Lets the bytes flow; resolves when nobody needs any more of them. Never rejects: those who read fail. */
  start(): Promise<void> {
    const source = this.#source;
    return new Promise((resolve) => {
      source.on("data", (chunk: Uint8Array) => this.#pass(chunk));
      source.once("end", () => {
        this.#isOver = true;
        for (const member of this.#members.keys()) member.push(null);
        this.#members.clear();
      });
      source.once("error", (error) => {
        for (const member of this.#members.keys()) member.destroy(error);
      });
      source.once("close", () => resolve());
    });
  }

  /**
   * Those who keep most of the others waiting right now. To be called now and then: a reader that was far behind does
   * not say when it is less so, and the source goes on then.
   */
  late(): readonly To[] {
    const members = [...this.#members];
    const waiting = this.#source.isPaused() ? members.filter(([member]) => isWaiting(member)).length : 0;
    this.#resume();
    if (waiting * 2 < members.length) return [];
    return members.flatMap(([{ readableLength }, to]) => (readableLength >= windowBytes / 2 ? [to] : []));
  }

  #pass(chunk: Uint8Array): void {
    this.#position += chunk.length;
    this.#options.onBytes(chunk.length, this.#members.values());
    for (const member of this.#members.keys()) member.push(chunk);
    this.#keep(chunk);
    if (!this.#isWanted()) this.#source.pause();
  }

  #keep(chunk: Uint8Array): void {
    const { kept = 0 } = this.#options;
    if (kept === 0) return;
    this.#tail.push(chunk);
    this.#tailBytes += chunk.length;
    for (
      let [oldest] = this.#tail;
      oldest && this.#tailBytes - oldest.length >= kept;
      [oldest] = this.#tail
    ) {
      this.#tail.shift();
      this.#tailBytes -= oldest.length;
    }
  }

  #resume(): void {
    if (this.#isWanted()) this.#source.resume();
  }

  /** Whether somebody waits for more, and nobody is too far behind. */
  #isWanted(): boolean {
    let wanted = false;
    for (const member of this.#members.keys()) {
      if (member.readableLength >= windowBytes) return false;
      wanted ||= isWaiting(member);
    }
    return wanted;
  }

  /** They go on by themselves from where the group is now. */
  leave(destinations: readonly To[]): void {
    for (const [member, to] of this.#members) if (destinations.includes(to)) this.#leave(member, to);
    this.#resume();
  }

  #leave(member: Readable, to: To): void {
    this.#members.delete(member);
    let own: Readable | undefined;
    member._read = () => void own?.resume();
    this.#options.rest(this.#position, to).then(
      (stream) => {
        own = stream;
        if (member.destroyed) return void stream.destroy();
        stream.on("data", (chunk: Uint8Array) => {
          if (!member.push(chunk)) stream.pause();
        });
        stream.once("end", () => member.push(null));
        stream.once("error", (error) => member.destroy(error));
        member.once("close", () => stream.destroy());
      },
      (error: Error) => member.destroy(error),
    );
  }

  #remove(member: Readable): void {
    if (!this.#members.delete(member)) return;
    if (this.#members.size > 0) this.#resume();
    else if (this.#tailBytes === 0) this.#source.destroy();
    else {
      this.#source.pause();
      this.#lingering = setTimeout(() => this.end(), linger).unref();
    }
  }
}
