import {
  type Digest,
  digestFault,
  isDigest,
  isRepositoryPath,
  isTag,
  type RepositoryPath,
  type Target,
} from "../oci/index.ts";
import { Refusal } from "./refusal.ts";

export type Route =
  | { readonly kind: "version" }
  | { readonly kind: "catalog" }
  | { readonly kind: "tags"; readonly repository: RepositoryPath }
  | { readonly kind: "manifest"; readonly repository: RepositoryPath; readonly target: Target }
  | { readonly kind: "blob"; readonly repository: RepositoryPath; readonly digest: Digest }
  | { readonly kind: "uploads"; readonly repository: RepositoryPath }
  | { readonly kind: "upload"; readonly repository: RepositoryPath; readonly id: string }
  | { readonly kind: "referrers"; readonly repository: RepositoryPath; readonly subject: Digest };

export type RouteTo<Kind extends Route["kind"]> = Extract<Route, { readonly kind: Kind }>;

/** A request target, split: the path as it was sent, the route it names, and the parameters. */
export interface RequestTarget {
  readonly route: Route;
  readonly query: URLSearchParams;
}

const maxShownLength = 300;

/**
 * Reads the request target of a request (distribution specification, "Endpoints"). Repository names have several
 * components, which may be called `blobs` or `tags` themselves, so a path is read from its end. Whatever passes is
 * within the grammars of `oci/` and therefore safe in a file path.
 * @throws {Refusal} for everything else: 400 for a name or digest outside its grammar, 404 for an unknown endpoint.
 */
export function readRequestTarget(method: string, target: string): RequestTarget {
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1));
  return { route: readPath(method, decode(path)), query };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new Refusal("NAME_INVALID", `the path is not percent-encoded UTF-8: ${shown(path)}`);
  }
}

function readPath(method: string, path: string): Route {
  if (path === "/v2/" || path === "/v2") return { kind: "version" };
  if (!path.startsWith("/v2/")) throw unknownEndpoint(path);
  if (path === "/v2/_catalog") return { kind: "catalog" };
  const parts = path.slice("/v2/".length).split("/");
  const last = parts.at(-1) ?? "";
  const beforeLast = parts.at(-2);
  const twoBefore = parts.at(-3);
  const repository = (components: number) => requestedRepository(parts.slice(0, -components).join("/"));

  if (beforeLast === "tags" && last === "list") return { kind: "tags", repository: repository(2) };
  if (beforeLast === "manifests")
    return { kind: "manifest", repository: repository(2), target: targetOf(method, last) };
  if (beforeLast === "referrers")
    return { kind: "referrers", repository: repository(2), subject: requestedDigest(last) };
  if (twoBefore === "blobs" && beforeLast === "uploads") {
    if (last === "") return { kind: "uploads", repository: repository(3) };
    return { kind: "upload", repository: repository(3), id: uploadIdOf(last) };
  }
  if (beforeLast === "blobs" && last === "uploads") return { kind: "uploads", repository: repository(2) };
  if (beforeLast === "blobs")
    return { kind: "blob", repository: repository(2), digest: requestedDigest(last) };
  throw unknownEndpoint(path);
}

/** The text as the path of a repository. @throws {Refusal} `NAME_INVALID`. */
export function requestedRepository(text: string): RepositoryPath {
  if (isRepositoryPath(text)) return text;
  throw new Refusal("NAME_INVALID", `invalid repository name: ${shown(text)}`);
}

/** The text as a digest. @throws {Refusal} `DIGEST_INVALID`. */
export function requestedDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new Refusal("DIGEST_INVALID", `invalid digest: ${shown(text)} (${digestFault(text)})`);
}

function targetOf(method: string, text: string): Target {
  if (isTag(text)) return text;
  if (text.includes(":")) return requestedDigest(text);
  // Nothing can be stored under such a name, so to ask for it is to ask for what is not there.
  if (method !== "PUT") throw new Refusal("MANIFEST_UNKNOWN", `no manifest has the tag ${shown(text)}`);
  throw new Refusal("MANIFEST_INVALID", `invalid tag: ${shown(text)}`);
}

const uploadId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function uploadIdOf(text: string): string {
  if (uploadId.test(text)) return text;
  throw new Refusal("BLOB_UPLOAD_UNKNOWN", `there is no upload session ${shown(text)}`);
}

function unknownEndpoint(path: string): Refusal {
  return new Refusal("UNSUPPORTED", `there is no such endpoint: ${shown(path)}`, { status: 404 });
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, maxShownLength));
}
