import type { Phrase } from "../../errors/index.ts";
import { type Answer, answerDetails } from "../../http/index.ts";
import { formatReference, type RepositoryName, type Target } from "../../oci/index.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import type { RequestKind } from "../events.ts";
import { pullScope, pushScope } from "../host/authorizer.ts";
import type { HostClient, HostRequest } from "../host/host-client.ts";

/** What was asked for something: a repository, or a registry as a whole. */
export interface AskedRepository {
  readonly client: HostClient;
  /** What it was asked for by: what messages show. */
  readonly name: string;
  /** As it stands in URLs; the path whose credential counts. */
  readonly path: string;
}

/** What the files of this folder share: one repository on one host, and how to talk about it. */
export interface Remote extends AskedRepository {
  readonly name: RepositoryName;
}

/** An address below `/v2/<name>/`. */
export function urlIn({ client, path }: Remote, rest: string): URL {
  return new URL(`/v2/${path}/${rest}`, client.endpoint.origin);
}

/** What a request carries beside what it is for. */
interface More extends Pick<HostRequest, "headers" | "follow" | "body" | "signal" | "answerWithin"> {
  /** The tag or digest that it is about; without it, it is the repository itself. */
  readonly target?: Target | undefined;
  /** Where that is not usual for what is done. */
  readonly scopes?: readonly string[];
}

/** A request to an address, or to one below `/v2/<name>/`. */
function requestTo(
  remote: Remote,
  kind: RequestKind,
  method: HostRequest["method"],
  at: string | URL,
  { target, scopes = [], ...more }: More,
): HostRequest {
  const url = at instanceof URL ? at : urlIn(remote, at);
  return {
    kind,
    method,
    url,
    access: { path: remote.path, scopes },
    where: whereIn(remote, target),
    ...more,
  };
}

/** One that only reads. */
export function reading(
  remote: Remote,
  kind: RequestKind,
  method: "GET" | "HEAD",
  at: string | URL,
  more: More = {},
): HostRequest {
  return requestTo(remote, kind, method, at, { scopes: [pullScope(remote.path)], ...more });
}

/** One that writes: it goes nowhere but to the registry itself. */
export function writing(
  remote: Remote,
  kind: RequestKind,
  method: HostRequest["method"],
  at: string | URL,
  more: More = {},
): HostRequest {
  const scopes = [pushScope(remote.path)];
  return requestTo(remote, kind, method, at, { follow: "own-origin", scopes, ...more });
}

/** The repository, or a tag or digest of it, as messages name it. */
export function whereIn({ name }: Pick<Remote, "name">, target: Target | undefined): string {
  return target === undefined ? name : formatReference(name, target);
}

/**
 * What failed with a repository, or with a tag or digest of it.
 * @param answer That it stands for.
 */
export function failed(
  remote: Remote,
  target: Target | undefined,
  code: RegistryErrorCode,
  message: string | Phrase,
  hint?: string,
  answer?: Answer,
): RegistryError {
  const about = answer && answerDetails(answer);
  return new RegistryError(code, message, { ...about, where: whereIn(remote, target), hint });
}
