import { Readable } from "node:stream";
import { phrase } from "../../errors/index.ts";
import { type Answer, type AnswerHead, headerOf } from "../../http/index.ts";
import { createHashCheckpoints, type Descriptor, type Digest } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import type { RequestKind } from "../events.ts";
import type { HostRequest } from "../host/host-client.ts";
import { isForeignPage } from "../host/judge.ts";
import type { OpenOptions } from "../repository.ts";
import { vouchFor } from "../vouched.ts";
import { refusal } from "./answer.ts";
import { damage, mendingDamage } from "./damage.ts";
import { failed, type Remote, reading } from "./remote.ts";
import { resumedBody } from "./resumed-body.ts";
import { verifiedStream } from "./verified-stream.ts";

/** Blobs of so many bytes are handed out once all of them have come and are right. */
const atOnce = 1024 * 1024;

/**
 * A blob as a stream that fails before its end when it is not what the descriptor says. When the connection breaks,
 * the stream goes on where it was, by `Range` where the registry takes that (RFC 9110, section 14). A small blob whose
 * bytes are damaged on their way is read again; of a large one, a part has been given away when that shows.
 */
export async function openBlob(
  remote: Remote,
  blob: Descriptor,
  options: OpenOptions = {},
): Promise<Readable> {
  if (blob.size > atOnce) return openStream(remote, blob, options);
  const bytes = await mendingDamage(remote.client, "blob-get", () => readWhole(remote, blob));
  const wanted = bytes.subarray(options.from ?? 0);
  return vouchFor(Readable.from(wanted.length === 0 ? [] : [wanted], { objectMode: false }), blob);
}

async function readWhole(remote: Remote, blob: Descriptor): Promise<Buffer> {
  try {
    return Buffer.concat(await (await openStream(remote, blob, {})).toArray());
  } catch (error) {
    throw error instanceof RegistryError && error.code === "digest-mismatch" ? damage(error) : error;
  }
}

async function openStream(
  remote: Remote,
  blob: Descriptor,
  { from = 0, checkpoints = createHashCheckpoints(blob.digest) }: OpenOptions,
): Promise<Readable> {
  const { client, name } = remote;
  const checkpoint = checkpoints.below(from);
  const body = resumedBody({
    first: await openAt(remote, blob, checkpoint.offset),
    start: checkpoint.offset,
    size: blob.size,
    reopen: (offset) => openAt(remote, blob, offset),
    retry: client.retriesOf("blob-get"),
    where: `${name}@${blob.digest}`,
    host: client.endpoint.host,
  });
  return verifiedStream(body, blob, { where: name, idle: client.timing.idle, from, checkpoint, checkpoints });
}

/** A request for a blob, wherever the registry keeps it. */
export function blobRequest(
  remote: Remote,
  kind: RequestKind,
  method: "GET" | "HEAD",
  target: Digest,
  headers?: Readonly<Record<string, string>>,
): HostRequest {
  return reading(remote, kind, method, `blobs/${target}`, { follow: true, target, headers });
}

async function openAt(remote: Remote, blob: Descriptor, offset: number): Promise<Readable> {
  const { digest, size } = blob;
  const headers = offset === 0 ? undefined : { range: `bytes=${offset}-${size - 1}` };
  const request = blobRequest(remote, "blob-get", "GET", digest, headers);
  const { where } = request;
  const answer = await remote.client.open(request);
  if (!("body" in answer)) {
    if (answer.status === 404 && !isForeign(remote, answer)) {
      throw failed(remote, digest, "blob-missing", phrase`the registry does not have the blob ${digest}`);
    }
    throw await refusal(remote, answer, "reading a blob", digest);
  }
  const { body } = answer;
  const isPart = answer.status === 206;
  const fault = isPart
    ? rangeFault(answer, offset, where)
    : (pageFault(answer, blob, where) ?? sizeFault(answer, blob, where));
  if (fault !== undefined) {
    body.destroy();
    throw fault;
  }
  return isPart || offset === 0 ? body : withoutBeginning(body, offset);
}

/** Whether a 404 is neither the registry's own word nor that of the storage that it sends us to. */
export function isForeign({ client }: Remote, answer: Answer): boolean {
  return answer.from.origin === client.endpoint.origin.origin && isForeignPage(answer);
}

/** The rest of a body whose server does not know of ranges: what is known already is read, and passed over. */
function withoutBeginning(body: Readable, bytes: number): Readable {
  async function* rest(): AsyncGenerator<Uint8Array> {
    let left = bytes;
    for await (const chunk of body) {
      if (chunk.length > left) yield chunk.subarray(left);
      left = Math.max(0, left - chunk.length);
    }
  }
  return Readable.from(rest(), { objectMode: false });
}

/** What is wrong with a web page in the place of a blob, such as that of a login: it says nothing of the blob. */
export function pageFault(answer: AnswerHead, blob: Descriptor, where: string): RegistryError | undefined {
  const isPage = /^\s*text\/html\b/i.test(headerOf(answer, "content-type") ?? "");
  if (!isPage || blob.mediaType === "text/html" || lengthOf(answer) === blob.size) return undefined;
  return new RegistryError("unexpected-response", "a web page was given in the place of the blob", {
    where,
    hint: `ask whoever runs ${answer.from.host}, or what stands before it`,
  });
}

function sizeFault(answer: AnswerHead, blob: Descriptor, where: string): RegistryError | undefined {
  const held = lengthOf(answer) ?? blob.size;
  return held === blob.size ? undefined : sizeMismatch(blob, held, where);
}

/** Bytes of the body of an answer, or of the one that `GET` would get, where it says so. */
export function lengthOf(answer: AnswerHead): number | undefined {
  const length = headerOf(answer, "content-length");
  return length === undefined ? undefined : Number(length);
}

/** The registry has another size of a blob than its descriptor says. */
export function sizeMismatch({ size }: Descriptor, held: number, where: string): RegistryError {
  const message = phrase`the registry's blob has ${held} bytes, its descriptor says ${size}`;
  const hint = "one of them is wrong: have the image built again, or the registry's storage looked at";
  return new RegistryError("size-mismatch", message, { where, hint });
}

function rangeFault(answer: AnswerHead, offset: number, where: string): RegistryError | undefined {
  const range = headerOf(answer, "content-range") ?? "";
  if (range.startsWith(`bytes ${offset}-`)) return undefined;
  const message = phrase`asked for the bytes from ${offset} on, the registry sent ${JSON.stringify(range.slice(0, 60))}`;
  return new RegistryError("unexpected-response", message, { where });
}
