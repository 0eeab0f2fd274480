import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Descriptor } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import type { Scope } from "../host/authorizer.ts";
import type { HostResponse } from "../host/host-client.ts";
import { backOff, isTransient } from "../host/retry.ts";
import type { PushOutcome } from "../repository.ts";
import { discard } from "./answer.ts";
import { header, type Remote } from "./remote-repository.ts";
import { verifiedStream } from "./verified-stream.ts";

type Content = () => Promise<Readable>;

/**
 * Brings a blob in, by mount where `mountFrom` is given, otherwise by an upload in one piece, or in chunks where the
 * settings or the registry ask for that. An upload that breaks begins again, with the content opened anew.
 */
export async function uploadBlob(
  remote: Remote,
  blob: Descriptor,
  content: Content,
  mountFrom: string | undefined,
): Promise<PushOutcome> {
  const retries = remote.client.settings.retries ?? 5;
  for (let attempt = 0; ; attempt += 1) {
    const begun = await begin(remote, blob, attempt === 0 ? mountFrom : undefined);
    if (begun === "mounted") return "mounted";
    try {
      const response = await send(remote, blob, content, begun);
      if (response.status === 201 || response.status === 204) {
        await discard(response);
        return "pushed";
      }
      const again = isTransient(response.status) || response.status === 401 || response.status === 404;
      if (!again || attempt >= retries) throw await remote.refusal(response, "uploading a blob", blob.digest);
      await discard(response);
    } catch (error) {
      await cancel(remote, begun.url);
      const broken =
        error instanceof RegistryError && ["unreachable", "timeout", "truncated"].includes(error.code);
      if (!broken || attempt >= retries) throw error;
    }
    await sleep(backOff(attempt));
  }
}

interface Session {
  readonly url: URL;
  /** The least size of a chunk, where the registry says one. */
  readonly chunkMinimum: number;
}

async function begin(
  remote: Remote,
  blob: Descriptor,
  mountFrom: string | undefined,
): Promise<Session | "mounted"> {
  const url = remote.url("blobs/uploads/");
  const scopes: Scope[] = [{ path: remote.path, actions: "pull,push" }];
  if (mountFrom !== undefined) {
    url.searchParams.set("mount", blob.digest);
    url.searchParams.set("from", mountFrom);
    if (mountFrom !== remote.path) scopes.push({ path: mountFrom, actions: "pull" });
  }
  const response = await remote.client.send({
    kind: mountFrom === undefined ? "upload-start" : "mount",
    method: "POST",
    url,
    scopes,
    headers: { "content-length": "0" },
  });
  if (response.status === 201 && mountFrom !== undefined) {
    await discard(response);
    return "mounted";
  }
  if (response.status !== 202) {
    // Leave to push is not leave to mount: without the mount it may do.
    if (mountFrom !== undefined && [400, 401, 403, 404, 405].includes(response.status)) {
      await discard(response);
      return begin(remote, blob, undefined);
    }
    throw await remote.refusal(response, "beginning an upload", blob.digest);
  }
  await discard(response);
  return {
    url: location(remote, response),
    chunkMinimum: Number(header(response, "oci-chunk-min-length") ?? 0) || 0,
  };
}

/** Where the upload goes on: on the registry itself, whatever scheme or port a proxy in front of it makes up. */
function location(remote: Remote, response: HostResponse): URL {
  const text = header(response, "location");
  const { origin } = remote.client.endpoint;
  if (text === undefined || !URL.canParse(text, response.url.href)) {
    throw new RegistryError("unexpected-response", "the registry began an upload and did not say where", {
      where: remote.name,
    });
  }
  const url = new URL(text, response.url);
  if (url.hostname !== origin.hostname || (url.port !== origin.port && url.port !== "")) {
    throw new RegistryError(
      "unsafe-upload-location",
      `the registry wants the upload at another host, ${url.host}`,
      {
        where: remote.name,
        hint: "nothing was sent there; ask the registry's operator for uploads on its own address",
      },
    );
  }
  const own = new URL(origin);
  own.pathname = url.pathname;
  own.search = url.search;
  return own;
}

async function send(
  remote: Remote,
  blob: Descriptor,
  content: Content,
  session: Session,
): Promise<HostResponse> {
  const checked = async () => verifiedStream(await content(), blob, remote.name);
  const chunkBytes = remote.client.settings.chunkBytes;
  if (chunkBytes !== undefined && blob.size > chunkBytes) {
    return sendChunks(remote, blob, await checked(), session, Math.max(chunkBytes, session.chunkMinimum));
  }
  const url = finished(session.url, blob);
  let stream: Readable | undefined;
  try {
    return await remote.send({
      kind: "upload-data",
      method: "PUT",
      url,
      headers: { "content-type": "application/octet-stream", "content-length": String(blob.size) },
      body: async () => {
        if (blob.size === 0) return Buffer.alloc(0);
        stream = await checked();
        return stream;
      },
      write: true,
      once: true,
    });
  } catch (error) {
    // The failure of the source is the cause; what the connection says of it is not.
    throw stream?.errored instanceof RegistryError ? stream.errored : error;
  } finally {
    stream?.on("error", () => {});
    stream?.destroy();
  }
}

async function sendChunks(
  remote: Remote,
  blob: Descriptor,
  stream: Readable,
  session: Session,
  chunkBytes: number,
): Promise<HostResponse> {
  let { url } = session;
  let sent = 0;
  let held: Buffer[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    const chunk = Buffer.concat(held);
    const response = await remote.send({
      kind: "upload-data",
      method: "PATCH",
      url,
      headers: {
        "content-type": "application/octet-stream",
        "content-length": String(chunk.length),
        "content-range": `${sent}-${sent + chunk.length - 1}`,
      },
      body: () => chunk,
      write: true,
      once: true,
    });
    if (response.status !== 202) throw await remote.refusal(response, "uploading a chunk", blob.digest);
    await discard(response);
    url = location(remote, response);
    sent += chunk.length;
    held = [];
    size = 0;
  };
  for await (const chunk of stream) {
    held.push(chunk);
    size += chunk.length;
    if (size >= chunkBytes) await flush();
  }
  if (size > 0) await flush();
  return remote.send({
    kind: "upload-data",
    method: "PUT",
    url: finished(url, blob),
    headers: { "content-length": "0" },
    write: true,
    once: true,
  });
}

function finished(session: URL, blob: Descriptor): URL {
  const url = new URL(session);
  url.searchParams.set("digest", blob.digest);
  return url;
}

async function cancel(remote: Remote, url: URL): Promise<void> {
  try {
    await discard(
      await remote.send({ kind: "upload-cancel", method: "DELETE", url, write: true, once: true }),
    );
  } catch {
    // The registry forgets it by itself in time.
  }
}
