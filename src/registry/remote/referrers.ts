import {
  type Descriptor,
  type Digest,
  type ImageDocument,
  mediaTypes,
  readImageContent,
  referrerEntry,
  subjectOf,
  type Tag,
} from "../../oci/index.ts";
import type { PutOptions } from "../repository.ts";
import { putDocument } from "./documents.ts";
import { askReferrersApi } from "./referrers-api.ts";
import { referrersListOf, writtenLists } from "./referrers-list.ts";
import { provenReferrers, readReferrersTag } from "./referrers-tag.ts";
import type { Remote } from "./remote.ts";

/**
 * Manifests whose subject is the digest: from the referrers API or, where the registry has none, from the referrers
 * tag (distribution specification, "Listing Referrers"). Under the tag, only what names the subject itself counts. The
 * filter is applied here whatever the registry says of `OCI-Filters-Applied`: it costs nothing.
 * @throws {RegistryError} when they cannot be read, or are too many to look into: that is not "none".
 */
export async function referrersOf(
  remote: Remote,
  subject: Digest,
  artifactType?: string,
): Promise<readonly Descriptor[]> {
  const isWanted = (entry: Descriptor) => artifactType === undefined || entry.artifactType === artifactType;
  const mayBeWanted = (entry: Descriptor) => isWanted(entry) || isUntyped(entry);
  const answer = await askReferrersApi(remote, subject, artifactType);
  if (answer.kind === "list") {
    const { entries, filtered } = answer;
    if (artifactType === undefined || filtered) return entries.filter(isWanted);
    const unknown = await provenReferrers(remote, subject, entries.filter(isUntyped));
    return [...entries, ...unknown].filter(isWanted);
  }
  const content = await readReferrersTag(remote, subject);
  if (content.kind === "index") {
    const proven = await provenReferrers(remote, subject, content.entries.filter(mayBeWanted));
    return proven.filter(isWanted);
  }
  if (answer.kind === "no-list") throw answer.error;
  return [];
}

/** Whether a list does not say what an entry is: older clients wrote no artifact type, or that of the empty config. */
function isUntyped({ artifactType }: Descriptor): boolean {
  return !artifactType || artifactType === mediaTypes.ociEmpty;
}

/**
 * Whether the list of referrers of its subject, the registry's own or that under the referrers tag, names a manifest;
 * true of one without a subject, of which nobody is asked.
 * @throws {RegistryError} when there is no telling.
 */
export async function isListedReferrer(remote: Remote, document: ImageDocument): Promise<boolean> {
  const subject = subjectOf(document, remote.name);
  if (subject === undefined) return true;
  const isIt = ({ digest }: Descriptor) => digest === document.descriptor.digest;
  const answer = await askReferrersApi(remote, subject);
  if (answer.kind === "list" && answer.entries.some(isIt)) return true;
  const content = await readReferrersTag(remote, subject);
  if (content.kind === "index" && content.entries.some(isIt)) return true;
  if (answer.kind === "no-list") throw answer.error;
  return false;
}

/**
 * Puts a manifest under its digest and tags. One that is about another is put by its digest first; then it is entered
 * into the list of its subject, unless the registry keeps that itself (distribution specification, "Pushing Manifests
 * with Subject"); then its tags are put. So a tag says that all before it was done, and what was broken off is seen.
 */
export async function putWithSubject(
  remote: Remote,
  document: ImageDocument,
  tags: readonly Tag[],
  { confirmsLater = false }: PutOptions,
): Promise<void> {
  const subject = subjectOf(document, remote.name);
  if (subject === undefined) {
    await putDocument(remote, document, tags);
    return;
  }
  const { keepsReferrers } = await putDocument(remote, document);
  const entry = referrerEntry(document.descriptor, readImageContent(document, remote.name));
  await referrersListOf(remote, subject).add(entry, keepsReferrers, confirmsLater);
  if (tags.length > 0) await putDocument(remote, document, tags);
}

/**
 * Looks again at the lists of referrers that were written in the repository, and mends them.
 * @returns Manifests that they lack for all that.
 */
export async function confirmReferrers(remote: Remote): Promise<readonly Digest[]> {
  const lost = await Promise.all(writtenLists(remote).map((list) => list.confirm()));
  return lost.flat();
}
