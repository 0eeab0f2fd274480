import { Readable } from "node:stream";
import type { Descriptor } from "../oci/index.ts";
import { vouchFor } from "../registry/index.ts";

/** What a fan-out is of, and what becomes of members that cannot keep up. */
export interface FanOutOptions {
  readonly blob: Descriptor;
  /** Opens the rest of the blob for a member that has left, from an offset on. */
  readonly rest: (offset: number, member: Readable) => Promise<Readable>;
  /** Told of bytes as they come. */
  readonly onBytes: (bytes: number) => void;
}

/** Bytes that a member may be behind the source. Chunks are shared, so this bounds the whole group, not each member. */
export const windowBytes = 4 * 1024 * 1024;
/**
 * A member with fewer bytes to send than this is waiting for more. Nothing is read ahead while all have that much:
 * buffers that are soon free again cost the garbage collector next to nothing, those that live longer a lot.
 */
const enough = 64 * 1024;

/**
 * One stream to several readers at the same time. A reader can {@link leave} the group with what it has yet to send,
 * and gets the rest by itself; one that fails leaves at once.
 */
export class FanOut {
  readonly #source: Readable;
  readonly #options: FanOutOptions;
  readonly #members = new Set<Readable>();
  #position = 0;

  constructor(source: Readable, options: FanOutOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** A reader of everything that the source brings; to be called before {@link start}. */
  join(): Readable {
    // A stream asks for more before it has given away what it has: how full it is shows afterwards.
    const read = (): void => queueMicrotask(() => this.#resume());
    const member = new Readable({ highWaterMark: enough, read });
    member.once("close", () => this.#remove(member));
    // Whoever reads it learns of its failure; one that nobody reads must not end the process.
    member.on("error", () => {});
    this.#members.add(member);
    return vouchFor(member, this.#options.blob);
  }

  /** Lets the bytes flow; resolves when no member needs any more of them. Never rejects: members fail. */
  start(): Promise<void> {
    const source = this.#source;
    return new Promise((resolve) => {
      source.on("data", (chunk: Uint8Array) => this.#pass(chunk));
      source.once("end", () => {
        for (const member of this.#members) member.push(null);
        this.#members.clear();
      });
      source.once("error", (error) => {
        for (const member of this.#members) member.destroy(error);
      });
      source.once("close", () => resolve());
    });
  }

  /**
   * Those who keep most of the others waiting right now. To be called now and then: a reader that was far behind does
   * not say when it is less so, and the source goes on then.
   */
  late(): readonly Readable[] {
    const waiting = this.#source.isPaused() ? this.#countWaiting() : 0;
    const members = waiting * 2 < this.#members.size ? [] : [...this.#members];
    this.#resume();
    return members.filter(({ readableLength }) => readableLength >= windowBytes / 2);
  }

  #countWaiting(): number {
    let waiting = 0;
    for (const { readableLength } of this.#members) if (readableLength < enough) waiting += 1;
    return waiting;
  }

  #pass(chunk: Uint8Array): void {
    this.#position += chunk.length;
    this.#options.onBytes(chunk.length);
    for (const member of this.#members) member.push(chunk);
    if (!this.#isWanted()) this.#source.pause();
  }

  #resume(): void {
    if (this.#isWanted()) this.#source.resume();
  }

  /** Whether somebody waits for more, and nobody is too far behind. */
  #isWanted(): boolean {
    let wanted = false;
    for (const { readableLength } of this.#members) {
      if (readableLength >= windowBytes) return false;
      if (readableLength < enough) wanted = true;
    }
    return wanted;
  }

  /** The member goes on by itself from where the group is now. */
  leave(member: Readable): void {
    if (!this.#members.delete(member)) return;
    let own: Readable | undefined;
    member._read = () => void own?.resume();
    this.#options.rest(this.#position, member).then(
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
    this.#resume();
  }

  #remove(member: Readable): void {
    if (!this.#members.delete(member)) return;
    if (this.#members.size === 0) this.#source.destroy();
    else this.#resume();
  }
}
