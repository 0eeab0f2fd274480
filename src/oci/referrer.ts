import type { Descriptor, ImageDocument } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { OciError } from "./errors.ts";
import { type ImageContent, readImageContent } from "./image-manifest.ts";
import { isTag, type Tag } from "./tag.ts";

/**
 * The tag under which registries without the referrers API keep the list of a digest's referrers: algorithm and
 * hexadecimal digits, cut to 32 and 64 characters (distribution specification, "Referrers Tag Schema").
 */
export function referrersTag(subject: Digest): Tag {
  const [algorithm = "", hex = ""] = subject.split(":");
  const tag = `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
  if (isTag(tag)) return tag;
  throw new OciError("invalid-tag", `${subject} has no referrers tag`);
}

/** Whether a tag is one that {@link referrersTag} gives. */
export function isReferrersTag(tag: string): boolean {
  return /^sha(?:256|512)-[0-9a-f]{64}$/.test(tag);
}

/** What a manifest is about; `undefined` for most, which are no referrers. @throws {OciError} for what is no manifest. */
export function subjectOf(document: ImageDocument, where?: string): Digest | undefined {
  const { bytes } = document;
  // A cheap look before it is read as a whole.
  const looksLikeOne = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('"subject"');
  return looksLikeOne ? readImageContent(document, where).subject?.digest : undefined;
}

/**
 * A manifest as lists of referrers show it: with its annotations and its artifact type, which is the media type of the
 * config where the manifest states none (distribution specification, "Listing Referrers").
 */
export function referrerEntry({ mediaType, digest, size }: Descriptor, content: ImageContent): Descriptor {
  const artifactType = content.artifactType || (content.kind === "manifest" && content.blobs[0]?.mediaType);
  return {
    mediaType,
    digest,
    size,
    ...(artifactType ? { artifactType } : {}),
    ...(Object.keys(content.annotations).length === 0 ? {} : { annotations: content.annotations }),
  };
}
