import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { isRepositoryPath } from "../oci/index.ts";
import { bounded, type Exchange } from "./exchange.ts";
import { Refusal } from "./refusal.ts";
import type { Route } from "./route.ts";
import type { Holdings } from "./storage.ts";

/**
 * How the embedded registry is to be unlike itself: as other registries are, so that clients can be tried against
 * their ways. What is not said is as usual.
 */
export interface RegistryBehavior {
  readonly patches?: "any" | "one" | "none";
  /** Bytes of a body beyond which it is refused with 413. */
  readonly maxBodyBytes?: number;
  /** Which blobs are mounted: `committed` are those that a manifest of the repository they come from refers to. */
  readonly mounts?: "all" | "committed" | "none";
  /** Whether a blob is taken in one `POST` with `?digest=`; where not, its body is thrown away and an upload begun. */
  readonly singlePost?: boolean;
  /** Whether an upload says how far it has come. */
  readonly uploadStatus?: boolean;
  /** Whether manifests are taken with `?tag=` parameters, and `OCI-Tag` says so; where not, they are not looked at. */
  readonly tagParameters?: boolean;
  readonly contentDigest?: boolean;
  readonly referrers?: boolean;
  readonly rateLimit?: RateLimit;
  /** Milliseconds that pass before each request is looked at. */
  readonly latency?: number;
}

/** A token bucket for all requests: so many at once, and so many in a time. What is above it is answered with 429. */
export interface RateLimit {
  readonly requests: number;
  readonly milliseconds: number;
  /** Seconds to state as `Retry-After`; without them the header is left out. */
  readonly retryAfter?: number;
}

export type Conduct = ReturnType<typeof conductOf>;

/** @param now A clock that never goes back, in milliseconds. */
export function conductOf(behavior: RegistryBehavior, now: () => number) {
  const admit = rateLimiter(behavior.rateLimit, now);
  const patched = new Set<string>();
  const hidden = [
    ...(behavior.contentDigest === false ? ["docker-content-digest"] : []),
    ...(behavior.referrers === false ? ["oci-subject"] : []),
  ];
  return {
    /** Before a request is looked at. @throws {Refusal} 429. */
    async greet(response: ServerResponse): Promise<void> {
      if (hidden.length > 0) hideHeaders(response, hidden);
      if (behavior.latency !== undefined) await sleep(behavior.latency);
      admit();
    },
    /** The exchange as the endpoints are to see it. @throws {Refusal} what this registry does not do. */
    async shape(exchange: Exchange, route: Route, storage: Holdings): Promise<Exchange> {
      if (route.kind === "referrers" && behavior.referrers === false) throw unknown("referrers");
      if (route.kind === "upload") refuseUpload(behavior, exchange, route.id, patched);
      if (route.kind === "uploads") await forgetParameters(behavior, exchange.query, storage);
      if (route.kind === "manifest" && behavior.tagParameters === false) exchange.query.delete("tag");
      const { maxBodyBytes: limit } = behavior;
      if (limit === undefined) return exchange;
      const body = bounded(exchange, limit, `a body has ${limit} bytes at most`);
      return { ...exchange, body: () => body };
    },
  };
}

function rateLimiter(limit: RateLimit | undefined, now: () => number): () => void {
  if (limit === undefined) return () => {};
  const { requests, milliseconds, retryAfter } = limit;
  let tokens = requests;
  let counted = now();
  return () => {
    const time = now();
    tokens = Math.min(requests, tokens + ((time - counted) / milliseconds) * requests);
    counted = time;
    if (tokens < 1) {
      throw new Refusal("TOOMANYREQUESTS", "there were too many requests; wait a little", {
        headers: retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) },
      });
    }
    tokens -= 1;
  };
}

/** Headers are written in several places; what is left out of all of them is left out where they all go by. */
function hideHeaders(response: ServerResponse, names: readonly string[]): void {
  const writeHead = response.writeHead.bind(response);
  const shown = (headers: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name.toLowerCase())));
  Object.assign(response, {
    writeHead: (status: number, headers: Readonly<Record<string, string>> = {}) =>
      writeHead(status, shown(headers)),
  });
}

function refuseUpload(
  { patches = "any", uploadStatus = true }: RegistryBehavior,
  { method }: Exchange,
  id: string,
  patched: Set<string>,
): void {
  if (!uploadStatus && (method === "GET" || method === "HEAD")) throw unknown("upload status");
  if (method === "PUT" || method === "DELETE") patched.delete(id);
  if (method !== "PATCH" || patches === "any") return;
  if (patches === "none") throw new Refusal("UNSUPPORTED", "this registry takes no chunks");
  if (patched.has(id)) {
    throw new Refusal("BLOB_UPLOAD_INVALID", "this registry takes a single chunk", { status: 416 });
  }
  patched.add(id);
}

async function forgetParameters(
  { mounts = "all", singlePost = true }: RegistryBehavior,
  query: URLSearchParams,
  storage: Holdings,
): Promise<void> {
  if (!singlePost) query.delete("digest");
  const digest = query.get("mount");
  if (digest === null || mounts === "all") return;
  if (mounts === "committed" && (await isCommitted(storage, query.get("from"), digest))) return;
  query.delete("mount");
  query.delete("from");
}

async function isCommitted({ manifests }: Holdings, from: string | null, digest: string): Promise<boolean> {
  if (from === null || !isRepositoryPath(from)) return false;
  for (const { digest: listed } of await manifests.list(from)) {
    const manifest = await manifests.read(from, listed);
    if (manifest?.bytes.includes(digest)) return true;
  }
  return false;
}

function unknown(what: string): Refusal {
  return new Refusal("UNSUPPORTED", `this registry has no ${what}`, { status: 404 });
}
