import { type FailureRecord, failureRecord, type Phrase, phrase } from "../errors/index.ts";
import { type Digest, formatReference, type Tag } from "../oci/index.ts";
import { placeOf, RegistryError, type Repository } from "../registry/index.ts";

/** More hangs on a manifest than is looked at. It may be anything: what was not found may be there. */
export function tooMuch(
  repository: Pick<Repository, "name" | "host">,
  of: Digest,
  message: Phrase,
): FailureRecord {
  const hint = "whoever may push there may attach anything: look at what is attached, and clear it up";
  return recorded("too-large", repository, of, message, hint);
}

/** Something names a manifest that is not there. */
export function notThere(
  repository: Pick<Repository, "name" | "host">,
  of: Digest,
  message: Phrase,
): FailureRecord {
  const hint =
    "registries that are copies of each other may lack what has just been pushed: look at the other one";
  return recorded("manifest-missing", repository, of, message, hint);
}

/** A tag stands for another manifest than when its layers were looked at. */
export function changedSince(repository: Pick<Repository, "name" | "host">, tag: Tag): FailureRecord {
  const message = phrase`the tag ${tag} was moved while it was looked at`;
  const hint = "somebody else signs this image: run again when that is done";
  return recorded("manifest-missing", repository, tag, message, hint);
}

function recorded(
  code: "too-large" | "manifest-missing",
  repository: Pick<Repository, "name" | "host">,
  of: Digest | Tag,
  message: Phrase,
  hint: string,
): FailureRecord {
  const where = formatReference(repository.name, of);
  return failureRecord(new RegistryError(code, message, { ...placeOf(repository), where, hint }));
}
