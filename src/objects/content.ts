import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { ObjectError } from "./errors.ts";
import type { ObjectContent } from "./model.ts";

/** Whatever is put, as content that can be opened again. */
export function contentOf(content: string | Uint8Array | ObjectContent): ObjectContent {
  if (typeof content !== "string" && !(content instanceof Uint8Array)) return content;
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return { size: bytes.length, open: () => inOnePiece(bytes) };
}

/** The first bytes of a file, so many of them, however much it grows meanwhile. */
export function contentOfFile(path: string, size: number): ObjectContent {
  return {
    size,
    open: () => (size === 0 ? inOnePiece(new Uint8Array()) : createReadStream(path, { end: size - 1 })),
  };
}

/** The SHA-256 of content, in hexadecimal. @throws {ObjectError} `objects-refused` when it has not as many bytes as it says. */
export async function sha256Of({ open, size }: ObjectContent, where: string): Promise<string> {
  const hash = createHash("sha256");
  let length = 0;
  for await (const piece of open()) {
    hash.update(piece);
    length += piece.length;
  }
  if (length !== size) throw cutShort(length, size, where);
  return hash.digest("hex");
}

/** What is thrown for content that has not as many bytes as it says. */
export function cutShort(length: number, size: number, where: string): ObjectError {
  return new ObjectError("objects-refused", `there are ${length} bytes of it in place of ${size}`, { where });
}

const types: Readonly<Record<string, string>> = {
  json: "application/json",
  jsonl: "application/jsonl",
  txt: "text/plain; charset=utf-8",
  log: "text/plain; charset=utf-8",
  xml: "application/xml",
  html: "text/html; charset=utf-8",
  yaml: "application/yaml",
};

/** The media type that browsers and Prow's pages are told of an object, by the end of its name. */
export function mediaTypeOf(path: string): string {
  return types[/\.([a-z]+)$/.exec(path)?.[1] ?? ""] ?? "application/octet-stream";
}

async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  if (bytes.length > 0) yield bytes;
}
