import type { Answer } from "../../http/index.ts";
import type { HostRequest, HostSendOnce } from "../host/host-client.ts";
import { Ability } from "./ability.ts";
import type { Sending } from "./upload-attempts.ts";
import { UploadSource } from "./upload-source.ts";

const ability = new Ability();

/**
 * Uploads a small blob in one request, `POST` with `?digest=` and the bytes (distribution specification, "Single
 * POST"). Registries need not take that, and say so by beginning an upload instead: then the bytes were sent for
 * nothing.
 * @param beginning The request that begins an upload.
 * @returns The answer to such a request, or `undefined` where none is worth while.
 */
export function postWhole(
  { remote, blob, content, inMemory }: Sending,
  send: HostSendOnce,
  beginning: HostRequest,
): Promise<Answer | undefined> {
  if (!inMemory || blob.size === 0) return Promise.resolve(undefined);
  if (remote.client.quirks.singlePost) ability.grant(remote.client);
  return ability.use(remote.client, async () => {
    const source = new UploadSource(remote, blob, content);
    const bytes = await source.open(0);
    if (!(bytes instanceof Uint8Array)) throw new TypeError("the content is not in memory");
    const url = new URL(beginning.url);
    url.searchParams.set("digest", blob.digest);
    const headers = { "content-type": "application/octet-stream", "content-length": `${blob.size}` };
    const { signal } = source;
    const answer = await send({ ...beginning, url, headers, body: async () => bytes, signal }).finally(() =>
      source.close(),
    );
    // What another success stands for, nobody knows: the upload is begun as if nothing had been sent.
    const result = answer.status === 201 || answer.status === 202 ? answer : undefined;
    return { result, able: answer.status === 201 };
  });
}
