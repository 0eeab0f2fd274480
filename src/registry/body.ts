import type { Readable } from "node:stream";
import { RegistryError } from "./errors.ts";

/** A whole body, refused beyond its limit. @throws {RegistryError} `too-large`. */
export async function readBody(body: Readable, maximum: number, where: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maximum) {
      throw new RegistryError("too-large", `the answer has more than ${maximum} bytes`, { where });
    }
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
