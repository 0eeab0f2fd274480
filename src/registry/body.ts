import type { Readable } from "node:stream";
import { RegistryError } from "./errors.ts";

/** A whole body, refused beyond its limit. */
export async function readBody(body: Readable, maximum: number, where: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maximum) {
      body.destroy();
      throw new RegistryError("too-large", `the answer has more than ${maximum} bytes`, { where });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
