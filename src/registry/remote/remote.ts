import { formatReference, type RepositoryName, type Target } from "../../oci/index.ts";
import { pullScope } from "../host/authorizer.ts";
import { pathOnEndpoint } from "../host/endpoint.ts";
import type { HostClient, HostRequest } from "../host/host-client.ts";

/** What the files of this folder share: one repository on one host, and how to talk about it. */
export interface Remote {
  readonly client: HostClient;
  /** What it was asked for by: what messages show. */
  readonly name: RepositoryName;
  /** As it stands in URLs. */
  readonly path: string;
}

export function remoteOf(client: HostClient, name: RepositoryName, placed: RepositoryName): Remote {
  return { client, name, path: pathOnEndpoint(client.endpoint, placed.slice(placed.indexOf("/") + 1)) };
}

/** An address below `/v2/<name>/`. */
export function urlIn({ client, path }: Remote, rest: string): URL {
  return new URL(`/v2/${path}/${rest}`, client.endpoint.origin);
}

/** A request that only reads, for a tag, a digest or the repository itself. */
export function reading(
  remote: Remote,
  request: Pick<HostRequest, "kind" | "headers" | "follow"> & {
    readonly method: "GET" | "HEAD";
    readonly url: URL;
    readonly target?: Target;
  },
): HostRequest {
  const { target, ...rest } = request;
  return {
    ...rest,
    access: { path: remote.path, scopes: [pullScope(remote.path)] },
    where: target === undefined ? remote.name : formatReference(remote.name, target),
  };
}
