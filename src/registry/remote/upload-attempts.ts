import { Readable } from "node:stream";
import { phrase } from "../../errors/index.ts";
import {
  type Answer,
  type Attempt,
  commitTime,
  isSuccess,
  isTransientStatus,
  NotYet,
  TransientFailure,
} from "../../http/index.ts";
import type { Descriptor } from "../../oci/index.ts";
import type { RegistryErrorCode } from "../errors.ts";
import type { RequestKind } from "../events.ts";
import type { HostRequest, HostSendOnce } from "../host/host-client.ts";
import { readServerErrors, saidBehind } from "../host/server-text.ts";
import type { BlobContent } from "../repository.ts";
import { Ability } from "./ability.ts";
import { hasBlob } from "./blob-presence.ts";
import { failed, type Remote, urlIn, writing } from "./remote.ts";
import {
  endOfUpload,
  nextLocation,
  type RemoteUploadSession,
  sessionOffset,
  uploadSession,
} from "./upload-session.ts";
import { type UploadSource, uploadSource } from "./upload-source.ts";

/** Blobs of fewer bytes begin again when their upload breaks: to ask how far it came would cost as much. */
const worthResuming = 1024 * 1024;

/** Failures after which nothing that the registry holds of an upload can be built on. */
const spoiling: ReadonlySet<string> = new Set<RegistryErrorCode>(["digest-mismatch", "unexpected-response"]);

const uploads = "blobs/uploads/";
const singlePost = new Ability();
const octets = { "content-type": "application/octet-stream" };

export interface Sending {
  readonly remote: Remote;
  readonly blob: Descriptor;
  readonly content: BlobContent;
  /** The content gives all bytes at once. */
  readonly inMemory: boolean;
  /** What the registry says of having the blob is not to be believed. */
  readonly anew: boolean;
}

/**
 * One blob on its way into a repository, over as many attempts as it takes.
 * @param begun A session that a mount turned out to be.
 */
export function openUpload(sending: Sending, begun: RemoteUploadSession | undefined) {
  const { remote, blob, inMemory, anew } = sending;
  const { client } = remote;
  const { size, digest } = blob;
  /** What the registry has begun and not ended. */
  let session = begun;
  /** Whether bytes of the session may be built on. */
  let isResumable = false;
  let reached = 0;

  const urlNow = (): URL => {
    if (session === undefined) throw new TypeError("there is no upload");
    return session.url;
  };

  const request = (
    kind: RequestKind,
    method: HostRequest["method"],
    at: string | URL,
    more: Pick<HostRequest, "headers" | "body" | "signal" | "answerWithin"> = {},
  ): HostRequest => writing(remote, kind, method, at, { target: digest, ...more });

  /** A request that brings bytes, or with `PUT` the last of them. */
  const dataRequest = (
    method: "PATCH" | "PUT",
    { signal }: UploadSource,
    more: Pick<HostRequest, "headers" | "body">,
  ): HostRequest => {
    const at = method === "PUT" ? endOfUpload(urlNow(), digest) : urlNow();
    return request("upload-data", method, at, {
      ...more,
      signal,
      answerWithin: commitTime(client.timing, size),
    });
  };

  /** Takes the upload back, as far as the registry lets us; it forgets it by itself in time. */
  const cancel = async (send: HostSendOnce): Promise<void> => {
    const url = session?.url;
    if (url === undefined) return;
    session = undefined;
    isResumable = false;
    await client.overlook("upload-cancel", send(request("upload-cancel", "DELETE", url)));
  };

  /** The blob may have arrived although the answer did not: asking is cheaper than sending it again. */
  const hasArrived = async (send: HostSendOnce): Promise<boolean> =>
    !anew && (await client.overlook("blob-head", hasBlob(remote, blob, send))) === true;

  /** The byte that an upload goes on from, where the registry still knows of it. */
  const progress = async (send: HostSendOnce): Promise<number | undefined> => {
    if (session === undefined || !isResumable) return undefined;
    const { url } = session;
    const answer = await send(request("upload-status", "GET", url));
    if (isTransientStatus(answer.status)) {
      const message = `the registry answered ${answer.status}`;
      throw new TransientFailure(failed(remote, undefined, "server-error", message, undefined, answer));
    }
    const offset = sessionOffset(answer);
    if (offset === undefined || offset > size) return undefined;
    session = { ...session, url: nextLocation(remote, answer, url) };
    return offset;
  };

  /**
   * Uploads a small blob in one request, `POST` with `?digest=` and the bytes (distribution specification, "Single
   * POST"). Registries need not take that, and say so by beginning an upload instead: then the bytes were sent for
   * nothing.
   * @returns The answer to such a request, or `undefined` where none is worth while.
   */
  const postWhole = async (send: HostSendOnce): Promise<Answer | undefined> => {
    if (!inMemory || size === 0) return undefined;
    if (client.quirks.singlePost) singlePost.grant(client);
    return singlePost.use(client, async () => {
      const source = uploadSource(sending);
      const bytes = await source.open(0);
      if (!(bytes instanceof Uint8Array)) throw new TypeError("the content is not in memory");
      const url = urlIn(remote, uploads);
      url.searchParams.set("digest", digest);
      const headers = { ...octets, "content-length": `${size}` };
      const more = { headers, body: async () => bytes, signal: source.signal };
      const answer = await send(request("upload-start", "POST", url, more)).finally(source.close);
      // What another success stands for, nobody knows: the upload is begun as if nothing had been sent.
      const result = answer.status === 201 || answer.status === 202 ? answer : undefined;
      return { result, able: answer.status === 201 };
    });
  };

  /** Begins an upload. @returns What ended it already, for good or ill. */
  const begin = async (send: HostSendOnce): Promise<Answer | undefined> => {
    const whole = await postWhole(send);
    const more = { headers: { "content-length": "0" } };
    const answer = whole ?? (await send(request("upload-start", "POST", uploads, more)));
    if (whole?.status === 201 || !isSuccess(answer)) return answer;
    session = uploadSession(remote, answer);
    reached = 0;
    return undefined;
  };

  /** The whole blob in the request that also ends the upload. */
  const sendWhole = (send: HostSendOnce, source: UploadSource): Promise<Answer> => {
    const body = async () => {
      const opened = await source.open(0);
      if (opened instanceof Uint8Array || size > 0) return opened;
      for await (const _ of opened) {
        // Nothing comes; the end tells that nothing was to come.
      }
      return new Uint8Array();
    };
    return send(dataRequest("PUT", source, { headers: { ...octets, "content-length": `${size}` }, body }));
  };

  /** The bytes from an offset on once more, for a chunk that the registry wants again, or elsewhere. */
  const reopened = (source: UploadSource, offset: number): Promise<Readable | Uint8Array> => {
    if (offset > 0 && !source.isVouched()) throw outrun(remote, blob);
    return source.open(offset);
  };

  /** What is left of the blob in one request or several, held in memory by none, and one more that ends the upload. */
  const sendPatches = async (
    send: HostSendOnce,
    source: UploadSource,
    offset: number,
    largest: number,
  ): Promise<Answer> => {
    const most = Math.max(largest, session?.minChunkBytes ?? 0);
    let portions = offset === size ? undefined : new Portions(streamOf(await source.open(offset)));
    for (let sent = offset; sent < size; ) {
      const start = sent;
      const bytes = Math.min(most, size - start);
      let isRepeated = false;
      const body = async (): Promise<Readable> => {
        if (isRepeated) portions = new Portions(streamOf(await reopened(source, start)));
        isRepeated = true;
        return Readable.from(portions?.take(bytes) ?? [], { objectMode: false });
      };
      const range = `${start}-${start + bytes - 1}`;
      const headers = { ...octets, "content-length": `${bytes}`, "content-range": range };
      const answer = await send(dataRequest("PATCH", source, { headers, body }));
      if (answer.status > 299) return answer;
      session = { minChunkBytes: most, url: nextLocation(remote, answer, urlNow()) };
      sent += bytes;
    }
    return send(dataRequest("PUT", source, { headers: { "content-length": "0" } }));
  };

  /** After a transfer that did not end: keeps the session where another attempt can build on it. */
  const leave = async (send: HostSendOnce, source: UploadSource, mayGoOn: boolean): Promise<void> => {
    isResumable = mayGoOn && source.isVouched() && size >= worthResuming;
    if (!isResumable) await cancel(send);
  };

  const transfer = async (send: HostSendOnce, offset: number): Promise<Answer> => {
    const source = uploadSource(sending);
    const { upload, maxBodyBytes = Number.POSITIVE_INFINITY } = client.quirks;
    const inOne = offset === 0 && size <= maxBodyBytes && (upload === "whole" || size === 0);
    try {
      const answer = inOne
        ? await sendWhole(send, source)
        : await sendPatches(send, source, offset, maxBodyBytes);
      if (isSuccess(answer)) {
        // One that is not the one due may mean that the blob is there, or that the registry has only read it.
        if (answer.status === 201 || anew || (await hasBlob(remote, blob, send))) return answer;
        throw unkept(remote, blob, answer);
      }
      if (source.isVouched() && isDamage(answer)) throw damaged(remote, blob);
      // Whatever its body says: who names another offset knows of the upload.
      if (offset > 0 && answer.status === 416) throw outrun(remote, blob);
      if (isForgotten(answer)) {
        session = undefined;
        throw forgotten(remote, blob, answer);
      }
      await leave(send, source, isTransientStatus(answer.status));
      return answer;
    } catch (error) {
      const cause = source.explain(error);
      await leave(send, source, cause instanceof TransientFailure && !spoiling.has(cause.error.code));
      throw cause;
    } finally {
      source.close();
    }
  };

  return {
    cancel,
    async attempt(send: HostSendOnce, { number, goesOn }: Attempt): Promise<Answer> {
      if (number > 1) {
        const offset = await progress(send);
        if (offset !== undefined) {
          if (offset >= reached + worthResuming) {
            reached = offset;
            goesOn();
          }
          return transfer(send, offset);
        }
        await cancel(send);
        if (await hasArrived(send)) return arrived(remote);
      }
      const ended = session === undefined ? await begin(send) : undefined;
      return ended ?? transfer(send, 0);
    },
  };
}

function streamOf(bytes: Readable | Uint8Array): Readable {
  return bytes instanceof Readable ? bytes : Readable.from([bytes], { objectMode: false });
}

/** The answer that a registry gave and nobody received. */
function arrived({ client }: Remote): Answer {
  return { status: 201, from: client.endpoint.origin, headers: {}, secrets: [], bytes: new Uint8Array() };
}

/** Whether the registry says that other bytes arrived than the digest is of (distribution specification, codes). */
function isDamage({ status, bytes, secrets }: Answer): boolean {
  return status === 400 && (readServerErrors(bytes, secrets)?.codes.includes("DIGEST_INVALID") ?? false);
}

/** Right bytes were sent and wrong ones arrived: they may be right the next time. */
function damaged(remote: Remote, { digest }: Descriptor): TransientFailure {
  const message = "the registry received other bytes than were sent";
  return new TransientFailure(failed(remote, digest, "digest-mismatch", message));
}

/** Whether a registry does not know an upload that it has begun: another one of its replicas may have. */
function isForgotten({ status, bytes, secrets }: Answer): boolean {
  if (status === 404) return true;
  const codes = status >= 400 ? readServerErrors(bytes, secrets)?.codes : undefined;
  return codes?.some((code) => code === "BLOB_UPLOAD_UNKNOWN" || code === "BLOB_UPLOAD_INVALID") ?? false;
}

/** Attempts after one whose upload was forgotten, or whose blob was not kept: each of them sends all bytes. */
const fewRetries = 3;

/** It is begun anew; a registry that forgets all of them has replicas that know nothing of each other. */
function forgotten(remote: Remote, { digest }: Descriptor, answer: Answer): TransientFailure {
  const { status, bytes, secrets } = answer;
  const said = readServerErrors(bytes, secrets);
  const message = phrase`the registry does not know an upload that it has begun (${status})${saidBehind(said)}`;
  const hint = "ask whoever runs it whether several servers behind one address share their uploads";
  const error = failed(remote, digest, "unexpected-response", message, hint, answer);
  return new TransientFailure(error, undefined, fewRetries);
}

/** The registry answered the whole blob with a success, and has not got it: it is sent again. */
function unkept(remote: Remote, { digest }: Descriptor, answer: Answer): TransientFailure {
  const message = phrase`the registry took all bytes of the blob (${answer.status}) and does not have it`;
  const hint = `it may be that what stands before it has answered: ask whoever runs ${remote.client.endpoint.host}`;
  const error = failed(remote, digest, "unexpected-response", message, hint, answer);
  return new TransientFailure(error, undefined, fewRetries);
}

/** Bytes of the request before were still arriving when the registry said how far it was: it is asked once more. */
function outrun(remote: Remote, { digest }: Descriptor): TransientFailure {
  const message = "the registry holds other bytes of the upload than it said";
  return new NotYet(failed(remote, digest, "truncated", message));
}

/** A stream in portions of given sizes, one after the other, without holding more of it than the piece at hand. */
export class Portions {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(stream: Readable) {
    this.#pieces = stream[Symbol.asyncIterator]();
  }

  /** The next bytes, so many of them; fewer only at the end of the stream. */
  async *take(bytes: number): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0; ) {
      const piece = await this.#next();
      if (piece === undefined) return;
      const part = piece.subarray(0, left);
      this.#rest = piece.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    if (this.#rest.length > 0) return this.#rest;
    const { done, value } = await this.#pieces.next();
    return done ? undefined : value;
  }
}
