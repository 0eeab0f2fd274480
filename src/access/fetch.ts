import {
  endpointAt,
  type Fault,
  type Kinds,
  type Network,
  type Origin,
  type OriginRequest,
  openOrigin,
  timingWithin,
} from "../http/index.ts";
import { AccessError } from "./errors.ts";

/** Asks whoever vouches for people and machines, as clients of OpenID do it. */
export type ProviderFetch = (url: string | URL, init?: ProviderRequest) => Promise<Response>;

/** What those clients give with a request. */
export interface ProviderRequest {
  readonly method?: string | undefined;
  readonly headers?: RequestInit["headers"] | undefined;
  readonly body?: RequestInit["body"] | undefined;
}

type Asked = "read" | "write";
const kinds: Kinds<Asked> = {
  read: { operation: "read" },
  write: { operation: "write", isOnce: true },
};

interface Request extends OriginRequest<Asked> {
  readonly authorization: string | undefined;
}

/** Somebody waits at a browser. */
const milliseconds = 10_000;
const maxAnswerBytes = 1024 * 1024;

/**
 * The way to providers: each origin by the policy of its own, redirects not followed. Fails with {@link AccessError}
 * `login-unavailable` where there is no answer.
 */
export function openProviderFetch(network: Network = { environment: process.env }): {
  readonly fetch: ProviderFetch;
  close(): Promise<void>;
} {
  const origins = new Map<string, Origin<Asked, Request>>();
  const originOf = (url: URL): Origin<Asked, Request> => {
    const known = origins.get(url.origin);
    if (known !== undefined) return known;
    const opened = openOrigin<Asked, Request>({
      ...network,
      ...{ endpoint: endpointAt(url), kinds, limit: 8, retries: 1, maxRedirects: 0, isExpected: true },
      timing: { ...timingWithin(milliseconds), firstBackoff: 200, deadline: milliseconds },
      explain: (fault) => unavailable(url.host, fault),
      authorize: ({ authorization }, send) => send(authorization),
      judge: () => undefined,
    });
    origins.set(url.origin, opened);
    return opened;
  };
  /** An origin that was away is asked anew by the next who logs in: it may be back. */
  const forget = async (origin: Origin<Asked, Request>, name: string): Promise<void> => {
    if (origins.get(name) === origin) origins.delete(name);
    await origin.close();
  };
  return {
    async fetch(address, init = {}) {
      const url = new URL(address);
      const headers = new Headers(init.headers);
      const authorization = headers.get("authorization") ?? undefined;
      headers.delete("authorization");
      const isPost = init.method?.toUpperCase() === "POST";
      const body = init.body === undefined || init.body === null ? undefined : textOf(init.body);
      const origin = originOf(url);
      const sending = origin.send(
        {
          ...{ kind: isPost ? "write" : "read", method: isPost ? "POST" : "GET", url, where: url.host },
          ...{ headers: Object.fromEntries(headers), authorization },
          body: body === undefined ? undefined : async () => body,
        },
        maxAnswerBytes,
      );
      const answer = await sending.catch(async (error: unknown) => {
        await forget(origin, url.origin);
        throw error;
      });
      const told = new Headers();
      for (const [name, value] of Object.entries(answer.headers)) {
        if (typeof value === "string" && /^(?:content-type|www-authenticate|date|link)$/.test(name)) {
          told.set(name, value);
        }
      }
      const isEmpty = answer.status === 204 || answer.status === 205 || answer.status === 304;
      const text = isEmpty ? null : new TextDecoder().decode(answer.bytes);
      return new Response(text, { status: answer.status, headers: told });
    },
    async close() {
      await Promise.all([...origins.values()].map((origin) => origin.close()));
      origins.clear();
    },
  };
}

function textOf(body: NonNullable<RequestInit["body"]>): string {
  if (typeof body === "string" || body instanceof URLSearchParams) return body.toString();
  throw new TypeError("only text is sent to a provider");
}

function unavailable(host: string, { reason, code }: Fault): AccessError {
  const why = [code, reason].filter((part) => part !== undefined && part !== "").join(": ");
  return new AccessError("login-unavailable", `${host} cannot be reached: ${why}`, {
    where: host,
    hint: "is it running, and is there a way to it from the server?",
  });
}
