import { type FailureDetails, type FailurePlace, type Phrase, WaybillError } from "../errors/index.ts";
import type { Digest } from "../oci/index.ts";

/** Why a repository could not be read or written. */
export type RegistryErrorCode =
  | "unreachable"
  | "timeout"
  | "tls"
  | "unauthorized"
  | "denied"
  | "rate-limited"
  | "server-error"
  | "unexpected-response"
  | "unsafe-redirect"
  | "unsafe-realm"
  | "unsafe-address"
  | "unsafe-upload-location"
  | "credential-helper"
  | "credential-source"
  | "blob-missing"
  | "manifest-missing"
  | "repository-missing"
  | "manifest-refused"
  | "referrers-tag-taken"
  | "referrer-unconfirmed"
  | "digest-mismatch"
  | "size-mismatch"
  | "truncated"
  | "too-large"
  | "request-too-large"
  | "media-type-mismatch"
  | "endless-pagination"
  | "list-incomplete"
  | "absence-unproven"
  | "storage"
  | "unsupported"
  | "interrupted";

/** A failure of a repository, remote or in a folder; `where` is the repository or reference. Never holds a secret. */
export class RegistryError extends WaybillError<RegistryErrorCode> {
  override readonly name = "RegistryError";
}

/** A registry refused a manifest because, it says, it lacks what that refers to. */
export class UnknownContentError extends RegistryError {
  /** What it names of that; nothing where it names none. */
  readonly digests: readonly Digest[];

  constructor(message: string | Phrase, digests: readonly Digest[], details: FailureDetails) {
    super("manifest-refused", message, details);
    this.digests = digests;
  }
}

const passing: ReadonlySet<string> = new Set<RegistryErrorCode>([
  ...(["unreachable", "timeout", "rate-limited", "server-error", "truncated"] as const),
]);

/** Whether what failed so may go well later although nobody does anything about it. @param code Of a failure's record. */
export function mayPass(code: string): boolean {
  return passing.has(code);
}

const silences: ReadonlySet<RegistryErrorCode> = new Set([
  "unauthorized",
  "denied",
  "unexpected-response",
  "absence-unproven",
  "unsupported",
]);

/**
 * Whether a registry has refused to say what it holds, as some do for a catalog, or for a path that is no repository
 * of the user's: another way to find out may do. A registry that could not be reached has refused nothing.
 */
export function refusesToList(thrown: unknown): thrown is RegistryError {
  return thrown instanceof RegistryError && silences.has(thrown.code);
}

/**
 * The failure of a tag that a registry lists, and says that it is not there when it is asked for it: it is not free.
 * @param where The reference.
 * @param place The repository.
 */
export function listedOnly(where: string, place: FailurePlace): RegistryError {
  const message = "the registry lists this tag, and says that it is not there when it is asked for it";
  const hint = "it stands for something that is broken, or has just been deleted: look at it, then run again";
  return new RegistryError("absence-unproven", message, { ...place, where, hint });
}
