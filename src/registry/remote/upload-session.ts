import { phrase } from "../../errors/index.ts";
import { type Answer, headerOf, isSuccess } from "../../http/index.ts";
import { failed, type Remote } from "./remote.ts";

export interface RemoteUploadSession {
  readonly url: URL;
  /** The least number of bytes in a chunk, where the registry says one. */
  readonly minChunkBytes: number;
}

/**
 * How many bytes the registry holds of an upload, by its answer to `GET` (distribution specification, "Pushing a blob
 * in chunks"), or `undefined` when it does not say, or holds none: `0-0` stands for both no byte and one.
 */
export function sessionOffset(answer: Answer): number | undefined {
  if (!isSuccess(answer)) return undefined;
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(headerOf(answer, "range") ?? "")?.[1];
  return last === undefined || last === "0" ? undefined : Number(last) + 1;
}

/** The session that a `202 Accepted` begins, or another success where that is due. @throws {RegistryError} as {@link uploadLocation}. */
export function uploadSession(remote: Remote, answer: Answer): RemoteUploadSession {
  const least = headerOf(answer, "oci-chunk-min-length") ?? "";
  return { url: uploadLocation(remote, answer), minChunkBytes: /^\d{1,12}$/.test(least) ? Number(least) : 0 };
}

/**
 * Where the upload goes on: always on the registry's own origin. A location may be relative, and is so to what was
 * asked. A registry behind a proxy may get its own scheme or port wrong, so the same host with the registry's port or a
 * default one, or with any port where the path is one of registries, is taken as that origin; anything else is refused,
 * because the credential would go there (GHSA-jxpm-75mh-9fp7). Nothing else of the address is touched: it may be signed.
 * @throws {RegistryError} `unexpected-response` without a location, `unsafe-upload-location` for one elsewhere.
 */
export function uploadLocation(remote: Remote, answer: Pick<Answer, "headers" | "from">): URL {
  const { origin } = remote.client.endpoint;
  const text = headerOf(answer, "location");
  if (text === undefined || !URL.canParse(text, answer.from.href)) {
    const message = "the registry began an upload and did not say where";
    const hint = `it may be that what stands before it has answered: ask whoever runs ${remote.client.endpoint.host}`;
    throw failed(remote, undefined, "unexpected-response", message, hint);
  }
  const url = new URL(text, answer.from);
  const isHttp = url.protocol === "https:" || url.protocol === "http:";
  const isOwnPort = url.port === origin.port || ["", "80", "443"].includes(url.port);
  const isOwn = url.hostname === origin.hostname && (isOwnPort || url.pathname.startsWith("/v2/"));
  if (!isHttp || !isOwn) {
    const message = phrase`the registry wants the upload at another host, ${url.host || url.protocol}`;
    const hint = "nothing was sent there; ask whoever runs the registry for uploads on its own address";
    throw failed(remote, undefined, "unsafe-upload-location", message, hint);
  }
  const own = new URL(origin);
  own.pathname = url.pathname;
  own.search = url.search;
  return own;
}

/** Where the upload goes on after a further request of it: where it was, when the answer does not say. */
export function nextLocation(remote: Remote, answer: Pick<Answer, "headers" | "from">, known: URL): URL {
  return headerOf(answer, "location") === undefined ? known : uploadLocation(remote, answer);
}

/** The address that ends an upload; what the registry wrote into its query stays as it is. */
export function endOfUpload(session: URL, digest: string): URL {
  const url = new URL(session);
  const query = `digest=${encodeURIComponent(digest)}`;
  url.search = url.search === "" ? query : `${url.search}&${query}`;
  return url;
}
