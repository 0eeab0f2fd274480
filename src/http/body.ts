import type { Readable } from "node:stream";
import { faultError } from "./failure/fault.ts";

/** A whole body, refused beyond its limit by a fault: `too-large`. */
export async function readBody(body: Readable, maximum: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maximum) throw faultError("too-large", `the answer has more than ${maximum} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The beginning of a body; the rest of a long one is given up, and its connection with it. */
export async function readBeginning(body: Readable, maximum: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk.subarray(0, maximum - size));
    size += chunk.length;
    if (size >= maximum) break;
  }
  return Buffer.concat(chunks);
}
