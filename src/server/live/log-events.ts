import type { LogBatch } from "../../store/index.ts";
import { encodeEvent, encodeId } from "./sse.ts";

/** What is made of a stream of a run, batch by batch. */
export interface BatchTeller {
  add(batch: LogBatch): void;
  end(): void;
}

/** How something is told to one listener. */
export interface ListenerVoice {
  readonly tell: (piece: Uint8Array) => void;
  /** The id of an event behind which a listener has the stream up to a byte. */
  readonly idAt: (offset: number) => string;
}

/** Batches that many listen to are encoded once. */
const encoded = new WeakMap<LogBatch, Uint8Array>();

/**
 * The events of a log: `log` with its text as JSON, and with what says the offset behind it as its id, from which a listener that was cut
 * off goes on; `skipped` with a number of bytes that it was too slow for. A sign whose bytes came in two batches is told whole.
 */
export class LogEvents implements BatchTeller {
  readonly #voice: ListenerVoice;
  /** The beginning of a sign. */
  #rest = new Uint8Array();

  constructor(voice: ListenerVoice) {
    this.#voice = voice;
  }

  add(batch: LogBatch): void {
    const { bytes, offset, skipped } = batch;
    const { tell } = this.#voice;
    if (skipped > 0) {
      this.#rest = new Uint8Array();
      tell(encodeEvent({ event: "skipped", data: String(skipped) }));
    }
    const open = openEnd(bytes);
    if (this.#rest.length === 0 && open === 0) {
      const known = encoded.get(batch) ?? eventOf(bytes);
      encoded.set(batch, known);
      this.#tell(known, offset);
      return;
    }
    const all = Buffer.concat([this.#rest, bytes]);
    const end = all.length - openEnd(all);
    this.#rest = new Uint8Array(all.subarray(end));
    if (end > 0) this.#tell(eventOf(all.subarray(0, end)), offset - this.#rest.length);
  }

  end(): void {
    if (this.#rest.length === 0) return;
    this.#voice.tell(encodeEvent({ event: "log", data: JSON.stringify("\ufffd") }));
  }

  #tell(event: Uint8Array, offset: number): void {
    const { tell, idAt } = this.#voice;
    tell(encodeId(idAt(offset)));
    tell(event);
  }
}

function eventOf(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return encodeEvent({ event: "log", data: JSON.stringify(text) });
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
