import { Readable } from "node:stream";
import { type Descriptor, isDigest } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import { pullScope, pushScope } from "../host/authorizer.ts";
import { type Answer, type HostRequest, headerOf, type SendOnce } from "../host/host-client.ts";
import type { PushOutcome } from "../repository.ts";
import { refusal } from "./answer.ts";
import { hasBlob } from "./blobs.ts";
import { Portions } from "./portions.ts";
import { type Remote, urlIn } from "./remote.ts";
import { endOfUpload, type UploadSession, uploadLocation, uploadSession } from "./upload-session.ts";
import { type Content, UploadSource } from "./upload-source.ts";

/**
 * Brings a blob in, by mount where `mountFrom` (a path on the same host) is given, otherwise by an upload in one
 * piece, or in chunks where the settings ask for that. The mount is its own probe: a registry that cannot mount
 * begins an upload instead, in the same answer. An upload that breaks begins again, with the content opened anew.
 */
export async function uploadBlob(
  remote: Remote,
  blob: Descriptor,
  content: Content,
  mountFrom: string | undefined,
): Promise<PushOutcome> {
  const begun = mountFrom === undefined ? undefined : await mount(remote, blob, mountFrom);
  if (begun === "mounted") return "mounted";
  const answer = await remote.client.upload(async (send, attempt) => {
    if (attempt === 1) {
      return transfer(remote, blob, content, send, begun ?? (await begin(remote, blob, send)));
    }
    // The blob may have arrived although the answer did not: asking is cheaper than sending it again.
    if (await hasBlob(remote, blob, send).catch(() => false)) return arrived(remote);
    return transfer(remote, blob, content, send, await begin(remote, blob, send));
  });
  if (answer.status !== 201 && answer.status !== 204) {
    throw await refusal(remote, answer, "uploading a blob", blob.digest);
  }
  const stated = headerOf(answer, "docker-content-digest") ?? "";
  if (isDigest(stated) && stated !== blob.digest && stated.slice(0, 7) === blob.digest.slice(0, 7)) {
    throw new RegistryError("digest-mismatch", `sent ${blob.digest}, the registry says it has ${stated}`, {
      where: remote.name,
    });
  }
  return "pushed";
}

/** The answer that a registry gave and nobody received. */
function arrived({ client }: Remote): Answer {
  return { status: 201, from: client.endpoint.origin, headers: {}, secrets: [], bytes: new Uint8Array() };
}

const pushing = (remote: Remote, blob: Descriptor): Pick<HostRequest, "access" | "where"> => ({
  access: { path: remote.path, scopes: [pushScope(remote.path)] },
  where: `${remote.name}@${blob.digest}`,
});

/** A mount, the session of an upload, or `undefined` when neither is to be had this way. */
async function mount(
  remote: Remote,
  blob: Descriptor,
  from: string,
): Promise<UploadSession | "mounted" | undefined> {
  const url = urlIn(remote, "blobs/uploads/");
  url.searchParams.set("mount", blob.digest);
  url.searchParams.set("from", from);
  const scopes = [pushScope(remote.path), ...(from === remote.path ? [] : [pullScope(from)])];
  const request: HostRequest = {
    ...pushing(remote, blob),
    kind: "mount",
    method: "POST",
    url,
    access: { path: remote.path, scopes },
    headers: { "content-length": "0" },
  };
  // Leave to push is not leave to mount: where the one is denied, the other is still tried.
  const answer = await remote.client.send(request).catch((error: unknown) => {
    if (error instanceof RegistryError && error.code === "unauthorized") return undefined;
    throw error;
  });
  if (answer?.status === 201) return "mounted";
  if (answer?.status === 202) return uploadSession(remote, answer);
  if (answer === undefined || [400, 401, 403, 404, 405].includes(answer.status)) return undefined;
  throw await refusal(remote, answer, "mounting a blob", blob.digest);
}

async function begin(remote: Remote, blob: Descriptor, send: SendOnce): Promise<UploadSession | Answer> {
  const answer = await send({
    ...pushing(remote, blob),
    kind: "upload-start",
    method: "POST",
    url: urlIn(remote, "blobs/uploads/"),
    headers: { "content-length": "0" },
  });
  return answer.status === 202 ? uploadSession(remote, answer) : answer;
}

/** Sends the bytes; a failed transfer takes its session back. */
async function transfer(
  remote: Remote,
  blob: Descriptor,
  content: Content,
  send: SendOnce,
  session: UploadSession | Answer,
): Promise<Answer> {
  if ("status" in session) return session;
  const source = new UploadSource(remote, blob, content);
  const { chunkBytes } = remote.client.settings;
  const isChunked = chunkBytes !== undefined && blob.size > chunkBytes;
  try {
    const answer = isChunked
      ? await sendChunks(remote, blob, source, send, session, Math.max(chunkBytes, session.leastChunk))
      : await sendWhole(remote, blob, source, send, session);
    if (answer.status > 299) await cancel(remote, blob, send, session);
    return answer;
  } catch (error) {
    await cancel(remote, blob, send, session);
    throw source.explain(error);
  } finally {
    source.close();
  }
}

const octets = { "content-type": "application/octet-stream" };

/** The whole blob in the request that also ends the upload. */
function sendWhole(
  remote: Remote,
  blob: Descriptor,
  source: UploadSource,
  send: SendOnce,
  session: UploadSession,
): Promise<Answer> {
  return send({
    ...pushing(remote, blob),
    kind: "upload-data",
    method: "PUT",
    url: endOfUpload(session.url, blob.digest),
    headers: { ...octets, "content-length": `${blob.size}` },
    body: async () => {
      const stream = await source.open();
      if (blob.size > 0) return stream;
      for await (const _ of stream) {
        // Nothing comes; the end tells that nothing was to come.
      }
      return new Uint8Array();
    },
    signal: source.signal,
  });
}

/** The blob in several requests, none of which holds a chunk in memory, and one more that ends the upload. */
async function sendChunks(
  remote: Remote,
  blob: Descriptor,
  source: UploadSource,
  send: SendOnce,
  session: UploadSession,
  chunkBytes: number,
): Promise<Answer> {
  const portions = new Portions(await source.open());
  let { url } = session;
  for (let sent = 0; sent < blob.size; ) {
    const size = Math.min(chunkBytes, blob.size - sent);
    const answer = await send({
      ...pushing(remote, blob),
      kind: "upload-data",
      method: "PATCH",
      url,
      headers: {
        ...octets,
        "content-length": `${size}`,
        "content-range": `${sent}-${sent + size - 1}`,
      },
      body: async () => Readable.from(portions.take(size), { objectMode: false }),
      signal: source.signal,
    });
    if (answer.status > 299) return answer;
    url = uploadLocation(remote, answer);
    sent += size;
  }
  return send({
    ...pushing(remote, blob),
    kind: "upload-data",
    method: "PUT",
    url: endOfUpload(url, blob.digest),
    headers: { "content-length": "0" },
    signal: source.signal,
  });
}

/** Takes an upload back, as far as the registry lets us; it forgets it by itself in time. */
async function cancel(
  remote: Remote,
  blob: Descriptor,
  send: SendOnce,
  { url }: UploadSession,
): Promise<void> {
  const request: HostRequest = { ...pushing(remote, blob), kind: "upload-cancel", method: "DELETE", url };
  await send(request).catch(() => undefined);
}
