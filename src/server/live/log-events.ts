import type { LogBatch, RunDatabase } from "../../store/index.ts";
import type { EventStream } from "./event-stream.ts";
import { encodeEvent } from "./sse.ts";

/** Batches that many listen to are encoded once. */
const encoded = new WeakMap<LogBatch, Uint8Array>();

/**
 * The events of a log: `log` with its text as JSON, and with the offset behind it as its id, from which a listener that was cut off
 * goes on; `skipped` with a number of bytes that it was too slow for. A sign whose bytes came in two batches is told whole.
 */
export class LogEvents {
  readonly #tell: (piece: Uint8Array) => void;
  /** The beginning of a sign. */
  #rest = new Uint8Array();

  constructor(tell: (piece: Uint8Array) => void) {
    this.#tell = tell;
  }

  add(batch: LogBatch): void {
    const { bytes, offset, skipped } = batch;
    if (skipped > 0) {
      this.#rest = new Uint8Array();
      this.#tell(encodeEvent({ event: "skipped", data: String(skipped) }));
    }
    const open = openEnd(bytes);
    if (this.#rest.length === 0 && open === 0) {
      const known = encoded.get(batch) ?? eventOf(bytes, offset);
      encoded.set(batch, known);
      this.#tell(known);
      return;
    }
    const all = Buffer.concat([this.#rest, bytes]);
    const end = all.length - openEnd(all);
    this.#rest = new Uint8Array(all.subarray(end));
    if (end > 0) this.#tell(eventOf(all.subarray(0, end), offset - this.#rest.length));
  }

  end(): void {
    if (this.#rest.length > 0) this.#tell(encodeEvent({ event: "log", data: JSON.stringify("\ufffd") }));
  }
}

/**
 * Tells a log from a byte on until its run has ended, or nothing is told any more.
 * @throws {RunError} `unknown-run`, before anything is told.
 */
export async function tellLog(
  runs: Pick<RunDatabase, "follow">,
  { id, from }: { readonly id: string; readonly from: number },
  stream: EventStream,
): Promise<void> {
  let go = () => {};
  const cursor = await runs.follow(id, { from, onMore: () => go() });
  const events = new LogEvents((piece) => stream.tell(piece));
  let isReading = false;
  /** Tells what is there, as far as it is taken. @returns Whether it is over. */
  const tell = (fail: (error: unknown) => void): boolean => {
    while (!stream.signal.aborted && !isReading && stream.isTaken) {
      const batch = cursor.next();
      if (batch === undefined) return cursor.isOver;
      if (batch instanceof Promise) {
        isReading = true;
        batch
          .then((earlier) => {
            if (earlier !== undefined) events.add(earlier);
            isReading = false;
            go();
          })
          .catch(fail);
      } else events.add(batch);
    }
    return stream.signal.aborted;
  };
  try {
    await new Promise<void>((resolve, reject) => {
      // Called for each piece of a log, for each who listens: no promise is made for it.
      go = () => {
        try {
          if (tell(reject)) resolve();
        } catch (error) {
          reject(error);
        }
      };
      stream.onTaken(() => go());
      go();
    });
    events.end();
  } finally {
    stream.onTaken(() => {});
    cursor.close();
  }
}

function eventOf(bytes: Uint8Array, offset: number): Uint8Array {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return encodeEvent({ event: "log", id: String(offset), data: JSON.stringify(text) });
}

/** How many bytes at the end are the beginning of a sign of UTF-8 whose other bytes are missing. */
export function openEnd(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0b1100_0000) {
      const length = byte >= 0b1111_0000 ? 4 : byte >= 0b1110_0000 ? 3 : 2;
      return byte < 0b1111_1000 && length > back ? back : 0;
    }
    if (byte < 0b1000_0000) return 0;
  }
  return 0;
}
