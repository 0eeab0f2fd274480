import pLimit from "p-limit";
import { phrase } from "../../errors/index.ts";
import {
  type Descriptor,
  type Digest,
  digestMatches,
  type ImageDocument,
  imageContentIn,
  isImageType,
  isIndexType,
  readImageContent,
  referrerEntry,
  referrersTag,
  subjectOf,
} from "../../oci/index.ts";
import type { RegistryError } from "../errors.ts";
import { fetchDocument } from "./documents.ts";
import { failed, type Remote } from "./remote.ts";

/**
 * What stands under the tag where a digest's referrers are listed on registries without an API for them. Anybody may
 * write that tag, and some give it to something else: `cosign copy` tags whatever it copies so, and GitLab answers with
 * the manifest of that digest.
 */
export type TagContent =
  | { readonly kind: "nothing" }
  /** An index. Whether it is a list of referrers only its entries' own manifests say. */
  | { readonly kind: "index"; readonly document: ImageDocument; readonly entries: readonly Descriptor[] }
  | { readonly kind: "the image itself" }
  | { readonly kind: "another image" };

/** @throws {RegistryError} when it cannot be read. */
export async function readReferrersTag(remote: Remote, subject: Digest): Promise<TagContent> {
  const document = await fetchDocument(remote, referrersTag(subject));
  if (document === undefined) return { kind: "nothing" };
  if (digestMatches(document.bytes, subject)) return { kind: "the image itself" };
  if (!isIndexType(document.descriptor.mediaType)) return { kind: "another image" };
  const entries = readImageContent(document, remote.name).children;
  // Nothing refers to itself: an index of the image is no list of what is about it.
  return entries.some(({ digest }) => digest === subject)
    ? { kind: "another image" }
    : { kind: "index", document, entries };
}

/** Entries that are looked into: more than an image has that nobody has flooded. */
const maxEntries = 256;
/** Bytes of their manifests, in all. */
const maxBytes = 32 * 1024 * 1024;
const entriesAtOnce = 8;

/**
 * Of entries, those whose own manifest names the subject, as that manifest describes itself: what a list says of an
 * entry is the word of whoever wrote it, and older clients wrote it wrong.
 * @throws {RegistryError} `too-large` when they are too many to look into, and when one cannot be read.
 */
export async function provenReferrers(
  remote: Remote,
  subject: Digest,
  entries: readonly Descriptor[],
): Promise<readonly Descriptor[]> {
  const digests = [
    ...new Set(entries.filter(({ mediaType }) => isImageType(mediaType)).map(({ digest }) => digest)),
  ];
  if (digests.length > maxEntries) throw tooMany(remote, subject);
  let bytes = 0;
  const proven = await pLimit(entriesAtOnce).map(digests, async (digest) => {
    if (bytes > maxBytes) throw tooMany(remote, subject);
    const document = await entryDocument(remote, digest);
    bytes += document?.bytes.length ?? 0;
    const content = document === undefined ? undefined : readImageContent(document, remote.name);
    if (document === undefined || content?.subject?.digest !== subject) return [];
    return [referrerEntry(document.descriptor, content)];
  });
  return proven.flat();
}

/** Entries of which one must name the subject, in a list that is to be added to. */
const maxProofs = 32;

/**
 * Whether an index under the referrers tag is a list of referrers: one of its entries names the subject, or there is
 * nothing in it that could name anything.
 * @throws {RegistryError} when it cannot be found out.
 */
export async function isReferrersList(
  remote: Remote,
  subject: Digest,
  entries: readonly Descriptor[],
): Promise<boolean> {
  let isForeign = false;
  // The newest are at the end, and the likeliest to be there.
  for (const entry of entries.slice(-maxProofs).reverse()) {
    const document = isImageType(entry.mediaType) ? await entryDocument(remote, entry.digest) : undefined;
    if (document !== undefined && subjectOf(document, remote.name) === subject) return true;
    // What a list names may have been deleted since; what an image's index names is for a platform.
    if (document !== undefined || entry.platform !== undefined) isForeign = true;
  }
  return !isForeign && entries.length <= maxProofs;
}

/** The manifest of an entry, when it is there and is one. @throws {RegistryError} when it cannot be read. */
async function entryDocument(remote: Remote, digest: Digest): Promise<ImageDocument | undefined> {
  const document = await fetchDocument(remote, digest);
  // What is none is there, and is nobody's referrer.
  return document && imageContentIn(document) && document;
}

function tooMany(remote: Remote, subject: Digest): RegistryError {
  const message = phrase`more is listed as a referrer of ${subject} than is looked into`;
  const hint = "whoever may push there may list anything: look at the list under this tag, and clear it up";
  return failed(remote, referrersTag(subject), "too-large", message, hint);
}

/** The tag is in the way: what stands there is left as it is. */
export function tagTaken(remote: Remote, subject: Digest, by: string): RegistryError {
  const tag = referrersTag(subject);
  const message = phrase`the registry keeps no list of referrers of ${subject}: the tag ${tag}, which is for it, stands for ${by}`;
  const hint =
    "nothing was written under that tag; when nobody needs it (cosign copy leaves such tags), delete the tag alone " +
    "and run again; where the registry itself answers so, only a registry with a referrers API can hold what is attached";
  return failed(remote, tag, "referrers-tag-taken", message, hint);
}
