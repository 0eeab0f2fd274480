import type { Readable } from "node:stream";

/** A stream in portions of given sizes, one after the other, without holding more of it than the piece at hand. */
export class Portions {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(stream: Readable) {
    this.#pieces = stream[Symbol.asyncIterator]();
  }

  /** The next bytes, so many of them; fewer only at the end of the stream. */
  async *take(bytes: number): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0; ) {
      const piece = await this.#next();
      if (piece === undefined) return;
      const part = piece.subarray(0, left);
      this.#rest = piece.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    if (this.#rest.length > 0) return this.#rest;
    const { done, value } = await this.#pieces.next();
    return done ? undefined : value;
  }
}
