import type { Descriptor } from "../../oci/index.ts";
import type { Answer, HostClient, HostRequest, SendOnce } from "../host/host-client.ts";
import type { Sending } from "./upload-attempts.ts";

/** What is known of a host: that it takes a blob in one request, that it does not, or that somebody is trying. */
type Knowledge = "takes" | "refuses" | "trying";

/**
 * Uploads in one request, `POST` with `?digest=` and the bytes (distribution specification, "Single POST"). Registries
 * need not take that, and say so by beginning an upload instead: then the bytes were sent for nothing. So the first
 * small blob of a host finds out, and the others do what it found.
 */
class SinglePosts {
  readonly #known = new WeakMap<HostClient, Knowledge>();

  /** The answer to such a request, or `undefined` where none is worth while. */
  async attempt(
    { remote: { client }, blob, content, inMemory }: Sending,
    send: SendOnce,
    beginning: HostRequest,
  ): Promise<Answer | undefined> {
    const known = this.#known.get(client) ?? (client.quirks.singlePost ? "takes" : undefined);
    if (!inMemory || blob.size === 0 || known === "refuses" || known === "trying") return undefined;
    if (known === undefined) this.#known.set(client, "trying");
    try {
      const bytes = await content(0);
      if (!(bytes instanceof Uint8Array)) throw new TypeError("the content is not in memory");
      const answer = await send(request(beginning, blob, bytes));
      this.#known.set(client, answer.status === 201 ? "takes" : "refuses");
      return answer.status === 201 || answer.status === 202 ? answer : undefined;
    } finally {
      if (this.#known.get(client) === "trying") this.#known.delete(client);
    }
  }
}

function request(beginning: HostRequest, { digest, size }: Descriptor, bytes: Uint8Array): HostRequest {
  const url = new URL(beginning.url);
  url.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream", "content-length": `${size}` };
  return { ...beginning, url, headers, body: async () => bytes };
}

export const singlePosts = new SinglePosts();
