import { request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeStream } from "node:stream/web";
import type { Environment } from "./way/proxy.ts";
import { type TlsFiles, tlsOptions } from "./way/tls.ts";
import { createWay, type Way } from "./way/way.ts";

/** One request, as `fetch` takes it. */
export interface FetchRequest {
  readonly method?: string | undefined;
  readonly headers?: ConstructorParameters<typeof Headers>[0];
  readonly body?: string | ReadableStream<Uint8Array> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Sends a request and gives its answer, whatever its status; a redirect is an answer. Rejects when there is none. */
export type Fetch = (url: string | URL, request: FetchRequest) => Promise<Response>;

/** How the hosts that are asked are reached. */
export interface FetchOptions {
  /** Where proxies are named. */
  readonly environment: Environment;
  /** What `waybill.yaml` says of the certificates of a host (`host` or `host:port`). */
  readonly tlsOf?: ((host: string) => TlsFiles | undefined) | undefined;
}

const connections = 16;
const connectMilliseconds = 20_000;

/** A `fetch` that takes the same ways as requests to registries do: their proxies, and their authorities. */
export function openFetch({ environment, tlsOf }: FetchOptions): Fetch {
  const ways = new Map<string, Way>();
  const wayTo = (url: URL): Way => {
    const known = ways.get(url.origin);
    if (known !== undefined) return known;
    const way = createWay(url, {
      environment,
      // Who is asked has been named by the user, and may be anywhere.
      rule: { allows: () => true },
      tls: () => tlsOptions(url.host, tlsOf?.(url.host)),
      connections,
      timeout: connectMilliseconds,
    });
    ways.set(url.origin, way);
    return way;
  };

  return async (input, { method = "GET", headers, body, signal }) => {
    const url = new URL(input);
    signal?.throwIfAborted();
    const { agent, options } = wayTo(url);
    const { headers: added, ...place } = options(url);
    const send = agent instanceof HttpsAgent ? httpsRequest : httpRequest;
    const request = send({
      ...place,
      ...{ method, agent, headers: { ...Object.fromEntries(new Headers(headers)), ...added } },
      ...(signal === undefined ? {} : { signal }),
    });
    return new Promise<Response>((resolve, reject) => {
      request.once("response", (answer) => resolve(responseOf(answer)));
      request.on("error", (error) => reject(signal?.aborted ? signal.reason : error));
      if (body === undefined || typeof body === "string") request.end(body);
      else pipeline(Readable.fromWeb(body as NodeStream<Uint8Array>), request).catch(reject);
    });
  };
}

const empty = new Set([101, 103, 204, 205, 304]);

function responseOf(answer: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(answer.headersDistinct)) {
    for (const value of values) headers.append(name, value);
  }
  const status = answer.statusCode ?? 0;
  if (!empty.has(status)) {
    return new Response(Readable.toWeb(answer) as ReadableStream<Uint8Array>, { status, headers });
  }
  answer.resume();
  return new Response(null, { status, headers });
}
