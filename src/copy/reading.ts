import type { Readable } from "node:stream";
import type { Listener } from "../events/index.ts";
import type { Descriptor, Digest } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import type { CopyEvent } from "./events.ts";
import { FanOut } from "./fan-out.ts";
import type { Group } from "./stragglers.ts";

/** A stream, and the repository that it comes from. */
export interface Opened {
  readonly stream: Readable;
  readonly address: string;
}

/** What a reading is of, and who is told. */
export interface ReadingOptions {
  readonly blob: Descriptor;
  /** The byte that the stream begins with. */
  readonly from: number;
  readonly listener: Listener<CopyEvent>;
  /** Opens the rest of the blob for a destination that has left, from an offset on. */
  readonly rest: (offset: number, to: Repository) => Promise<Readable>;
}

/** Blobs of so many bytes are kept a part of while they pass, so that a broken upload need not have it read again. */
const long = 1024 * 1024 * 1024;
/** That part: more than is on its way in the buffers of an upload. */
const kept = 16 * 1024 * 1024;

/** One reading of a blob, and the destinations that it goes to. */
export class SharedReading implements Group {
  readonly #fanOut: FanOut;
  readonly #digest: Digest;
  readonly #listener: Listener<CopyEvent>;
  /** Who is in it, and all who ever were. */
  readonly #readers = new Map<Readable, Repository>();
  readonly #everyReader = new WeakMap<Readable, Repository>();

  constructor({ stream, address }: Opened, { blob, from, listener, rest }: ReadingOptions) {
    this.#digest = blob.digest;
    this.#listener = listener;
    this.#fanOut = new FanOut(stream, {
      blob,
      from,
      kept: blob.size >= long ? kept : 0,
      rest: async (offset, member) => {
        const to = this.#everyReader.get(member);
        if (to === undefined) throw new TypeError("somebody has left who never was there");
        return rest(offset, to);
      },
      onBytes: (bytes) => {
        listener({ type: "read", source: address, bytes });
        for (const to of this.#readers.values()) {
          listener({ type: "bytes", destination: to.address, digest: blob.digest, bytes });
        }
      },
    });
  }

  /** The bytes for one destination; to be called before {@link start}. */
  join(to: Repository): Readable {
    return this.#enter(this.#fanOut.join(), to);
  }

  /** What has passed from an offset on, and all that follows, where that is still to be had. */
  rejoin(to: Repository, offset: number): Readable | undefined {
    const member = this.#fanOut.rejoin(offset);
    if (member === undefined) return undefined;
    const bytes = member.readableLength;
    this.#listener({ type: "bytes", destination: to.address, digest: this.#digest, bytes });
    return this.#enter(member, to);
  }

  /** Lets the bytes flow; resolves when nobody needs any more of them. Never rejects. */
  start(): Promise<void> {
    return this.#fanOut.start();
  }

  late(): readonly Repository[] {
    return this.#fanOut.late().flatMap((member) => this.#readers.get(member) ?? []);
  }

  leave(destinations: readonly Repository[]): void {
    for (const [member, to] of this.#readers) {
      if (!destinations.includes(to)) continue;
      this.#readers.delete(member);
      this.#fanOut.leave(member);
    }
  }

  /** Nobody will come back. */
  end(): void {
    this.#fanOut.end();
  }

  #enter(member: Readable, to: Repository): Readable {
    this.#readers.set(member, to);
    this.#everyReader.set(member, to);
    member.once("close", () => this.#readers.delete(member));
    return member;
  }
}
