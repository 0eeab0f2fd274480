/** Headers of a request, by names in any case. */
export type WebhookHeaders = Pick<Headers, "get">;

/** Forges by the headers they send. Forgejo sends those of Gitea as well, and Gitea those of GitHub. */
export type ForgeSender = "forgejo" | "gitea" | "gitlab" | "github";

/** Registries, and the services that speak for them, by the form of what they send. */
export type RegistrySender =
  | "distribution"
  | "harbor"
  | "quay"
  | "zot"
  | "ecr"
  | "artifact-registry"
  | "acr"
  | "docker-hub";

/** What the headers of a request say of it before its body is read. */
export interface Recognized {
  /** A registry is told by its body alone. */
  readonly sender: ForgeSender | "registry";
  /** As the sender names it; empty where the body has it. */
  readonly event: string;
  /** By what the sender knows this delivery, the same when it is delivered again; `undefined` where it has no such name. */
  readonly id: string | undefined;
}

/** A tag or a manifest of a registry that may have changed. */
export interface RegistryHint {
  /** `host[:port]`, where the sender names it. */
  readonly registry: string | undefined;
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/**
 * What a delivery is about. It says where to look now, and is evidence of nothing: refs are read from the remote, pull requests
 * and comments from the forge, tags from the registry. Hence nothing else of a payload is kept.
 */
export interface Delivery {
  /** The name of the address that it came to, as it is configured. */
  readonly source: string;
  readonly sender: ForgeSender | RegistrySender | "registry";
  /** By what the sender knows it; `undefined` where it has no such name: each arrival is one of its own then. */
  readonly id: string | undefined;
  /** As the sender names it, such as `push`, `Merge Request Hook`, `PUSH_ARTIFACT`. */
  readonly event: string;
  /** All addresses that the sender gives the Git repository, without credentials; empty where it is about none. */
  readonly repositoryUrls: readonly string[];
  /** Full names of refs that may have changed, such as `refs/tags/v1.0`. */
  readonly refs: readonly string[];
  /** The number of a pull request that may have changed. */
  readonly pull: number | undefined;
  /** A comment under the pull request that was made, not edited. */
  readonly comment: { readonly id: string } | undefined;
  readonly registry: readonly RegistryHint[];
}

/** Whether there is anything to look at. */
export function isHint({ repositoryUrls, registry }: Delivery): boolean {
  return repositoryUrls.length > 0 || registry.length > 0;
}

/**
 * Why a request is refused:
 * - `no-secret`: the source has none, and nothing unsigned is taken.
 * - `unsigned`: it carries no signature or token.
 * - `wrong-signature`: it carries none that one of the secrets gives.
 * - `stale`: its signed time is too far from now.
 * - `too-large`, `too-deep`, `not-json`, `unexpected-shape`: it cannot be read.
 */
export type WebhookRefusalCode =
  | "no-secret"
  | "unsigned"
  | "wrong-signature"
  | "stale"
  | "too-large"
  | "too-deep"
  | "not-json"
  | "unexpected-shape";

/** A refusal, with the status to answer. The message holds nothing of the request and no secret. */
export interface WebhookRefusal {
  readonly code: WebhookRefusalCode;
  readonly status: 400 | 401 | 413;
  readonly message: string;
}

const statuses: Readonly<Record<WebhookRefusalCode, WebhookRefusal["status"]>> = {
  "no-secret": 401,
  unsigned: 401,
  "wrong-signature": 401,
  stale: 401,
  "too-large": 413,
  "too-deep": 400,
  "not-json": 400,
  "unexpected-shape": 400,
};

export function refused(code: WebhookRefusalCode, message: string): WebhookRefusal {
  return { code, status: statuses[code], message };
}
