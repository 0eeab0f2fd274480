import { deleteBlob, getBlob } from "./blob-endpoints.ts";
import { getCatalog, getExtendedTags, getReferrers, getTags } from "./discovery-endpoints.ts";
import { answerJson, type Exchange } from "./exchange.ts";
import { deleteManifest, getManifest, putManifest } from "./manifest-endpoints.ts";
import { Refusal } from "./refusal.ts";
import type { Route } from "./route.ts";
import type { Holdings, Storage } from "./storage.ts";
import { atUpload, postUpload } from "./upload-endpoints.ts";

/** `extended`: tags are listed with Google's `manifest` and `child` fields. */
export type ListingStyle = "plain" | "extended";

/**
 * Hands a request to the endpoint of its route and method.
 * @param holdings Where they are a storage as well, what is sent is taken in.
 * @throws {Refusal} whatever the endpoint refuses, and 405.
 */
export async function dispatch(
  exchange: Exchange,
  route: Route,
  holdings: Holdings | Storage,
  listing: ListingStyle,
): Promise<void> {
  const storage = (): Storage => {
    if ("uploads" in holdings) return holdings;
    throw new Refusal("UNSUPPORTED", "this registry shows image layouts, and takes nothing in");
  };
  switch (route.kind) {
    case "version":
      return byMethod(exchange, { GET: () => answerJson(exchange, {}) });
    case "catalog":
      return byMethod(exchange, { GET: () => getCatalog(exchange, holdings) });
    case "tags": {
      const list = listing === "plain" ? getTags : getExtendedTags;
      return byMethod(exchange, { GET: () => list(exchange, holdings, route) });
    }
    case "referrers":
      return byMethod(exchange, { GET: () => getReferrers(exchange, holdings, route) });
    case "blob":
      return byMethod(exchange, {
        GET: () => getBlob(exchange, holdings, route),
        DELETE: () => deleteBlob(exchange, storage(), route),
      });
    case "manifest":
      return byMethod(exchange, {
        GET: () => getManifest(exchange, holdings, route),
        PUT: () => putManifest(exchange, storage(), route),
        DELETE: () => deleteManifest(exchange, storage(), route),
      });
    case "uploads":
      return byMethod(exchange, { POST: () => postUpload(exchange, storage(), route) });
    case "upload": {
      const session = () => atUpload(exchange, storage(), route);
      return byMethod(exchange, { GET: session, PATCH: session, PUT: session, DELETE: session });
    }
  }
}

type Answers = Readonly<Record<string, () => unknown>>;

/** Answers by the method of the request; `HEAD` is a `GET` whose body is left out. */
async function byMethod(exchange: Exchange, answers: Answers): Promise<void> {
  const method = exchange.method === "HEAD" ? "GET" : exchange.method;
  const answer = Object.hasOwn(answers, method) ? answers[method] : undefined;
  if (answer !== undefined) {
    await answer();
    return;
  }
  const allowed = Object.keys(answers).flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : name));
  throw new Refusal("UNSUPPORTED", `${exchange.method} is not possible here`, {
    headers: { Allow: allowed.join(", ") },
  });
}
