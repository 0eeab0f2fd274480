import { pipeline } from "node:stream/promises";
import type { Digest } from "../oci/index.ts";
import type { OpenBlob } from "./blob-store.ts";
import type { Exchange } from "./exchange.ts";
import { type ByteRange, readRange } from "./ranges.ts";
import { Refusal } from "./refusal.ts";
import type { RouteTo } from "./route.ts";
import type { Holdings, Storage } from "./storage.ts";

const readBytes = 256 * 1024;

/** `GET` and `HEAD` of a blob, whole or a stretch of it ("Pulling blobs"). */
export async function getBlob(exchange: Exchange, { blobs }: Holdings, route: RouteTo<"blob">) {
  const { repository, digest } = route;
  if (exchange.method === "HEAD") await blobs.hold(repository, digest);
  const blob = await blobs.open(repository, digest);
  if (blob === undefined) throw blobUnknown(route);
  try {
    await sendBlob(exchange, blob, digest);
  } finally {
    await blob.file.close();
  }
}

/** `DELETE` of a blob: it leaves this repository only. */
export async function deleteBlob(exchange: Exchange, { blobs }: Storage, route: RouteTo<"blob">) {
  if (!(await blobs.remove(route.repository, route.digest))) throw blobUnknown(route);
  exchange.answer(202, {});
}

async function sendBlob(exchange: Exchange, blob: OpenBlob, digest: Digest): Promise<void> {
  const etag = `"${digest}"`;
  const common = {
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": digest,
    "Accept-Ranges": "bytes",
    ETag: etag,
  };
  if (matchesEtag(exchange.header("if-none-match"), etag)) return exchange.answer(304, common);
  const conditional = exchange.header("if-range");
  const wanted = conditional === undefined || conditional === etag ? exchange.header("range") : undefined;
  const range = exchange.method === "GET" ? readRange(wanted, blob.size) : undefined;
  if (range === "unsatisfiable") {
    throw new Refusal("SIZE_INVALID", `the blob has ${blob.size} bytes: nothing of it is in that range`, {
      status: 416,
      headers: { "Content-Range": `bytes */${blob.size}` },
    });
  }
  const length = range === undefined ? blob.size : range.end - range.start + 1;
  exchange.response.writeHead(range === undefined ? 200 : 206, {
    ...common,
    ...(range !== undefined && { "Content-Range": `bytes ${range.start}-${range.end}/${blob.size}` }),
    "Content-Length": String(length),
  });
  if (exchange.method === "HEAD" || length === 0) exchange.response.end();
  else await sendBytes(exchange, blob, range ?? { start: 0, end: blob.size - 1 });
}

async function sendBytes(exchange: Exchange, blob: OpenBlob, range: ByteRange): Promise<void> {
  const { response } = exchange;
  const stream = blob.file.createReadStream({ ...range, highWaterMark: readBytes, autoClose: false });
  await pipeline(stream, response, { end: false });
  // Fewer bytes than were promised would leave the client waiting for the rest.
  if (stream.bytesRead === range.end - range.start + 1) response.end();
  else response.destroy();
}

/** Whether an `If-None-Match` header names the entity tag. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  const named = header?.split(",").map((one) => one.trim()) ?? [];
  return named.some((one) => one === "*" || one === etag || one === `W/${etag}`);
}

function blobUnknown({ repository, digest }: RouteTo<"blob">): Refusal {
  return new Refusal("BLOB_UNKNOWN", `repository ${repository} has no blob ${digest}`);
}
