import type { LogBatch } from "../../store/index.ts";
import { encodeEvent } from "./sse.ts";

/** Batches that many listen to are encoded once. */
const encoded = new WeakMap<LogBatch, Uint8Array>();

/**
 * The events of a log: `log` with its text as JSON, and with the offset behind it as its id, from which a listener that was cut off
 * goes on; `skipped` with a number of bytes that it was too slow for. A sign whose bytes came in two batches is told whole.
 */
export async function* logEvents(batches: AsyncIterable<LogBatch>): AsyncIterable<Uint8Array> {
  let rest = new Uint8Array();
  for await (const batch of batches) {
    const { bytes, offset, skipped } = batch;
    if (skipped > 0) {
      rest = new Uint8Array();
      yield encodeEvent({ event: "skipped", data: String(skipped) });
    }
    const open = openEnd(bytes);
    if (rest.length === 0 && open === 0) {
      const known = encoded.get(batch) ?? eventOf(bytes, offset);
      encoded.set(batch, known);
      yield known;
      continue;
    }
    const all = Buffer.concat([rest, bytes]);
    const end = all.length - openEnd(all);
    rest = new Uint8Array(all.subarray(end));
    if (end > 0) yield eventOf(all.subarray(0, end), offset - rest.length);
  }
  if (rest.length > 0) yield encodeEvent({ event: "log", data: JSON.stringify("\ufffd") });
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
