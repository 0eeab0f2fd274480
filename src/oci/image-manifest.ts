import { z } from "zod";
import { phrase } from "../errors/index.ts";
import type { Descriptor, ImageDocument, Platform } from "./descriptor.ts";
import { type Digest, isDigest } from "./digest.ts";
import { parseDocumentJson } from "./document-json.ts";
import { OciError } from "./errors.ts";
import { limits } from "./limits.ts";
import { isIndexType, isManifestType, mediaTypes } from "./media-type.ts";
import { isTag, type Tag } from "./tag.ts";

/** What an image manifest or an index refers to, in the order in which it is written. */
export interface ImageContent {
  readonly kind: "manifest" | "index";
  readonly mediaType: string;
  /** Manifests and indexes that an index lists; empty for an image manifest. */
  readonly children: readonly Descriptor[];
  /** Config (first) and layers of an image manifest; empty for an index. */
  readonly blobs: readonly Descriptor[];
  /** The manifest this one is about, when it is a referrer. */
  readonly subject?: Descriptor;
  /** The artifact type: the field of that name or, without it, the config's media type when that is not an image's. */
  readonly artifactType?: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A map of strings, as Go reads it: `null` for one of them is the empty string. */
const annotationsSchema = z
  .record(
    z.string(),
    z
      .string()
      .nullable()
      .transform((value) => value ?? ""),
  )
  .nullish();

const descriptorSchema = z.object({
  mediaType: z.string().min(1).max(255),
  digest: z.string().refine(isDigest, { error: "is no sha256 or sha512 digest" }),
  size: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  artifactType: z.string().nullish(),
  annotations: annotationsSchema,
  platform: z
    .object({ os: z.string().nullish(), architecture: z.string().nullish(), variant: z.string().nullish() })
    .nullish(),
});

const documentSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().nullish(),
  artifactType: z.string().nullish(),
  config: descriptorSchema.optional(),
  layers: z.array(descriptorSchema).nullish(),
  manifests: z.array(descriptorSchema).nullish(),
  subject: descriptorSchema.nullish(),
  annotations: annotationsSchema,
  fsLayers: z.unknown().optional(),
  history: z.unknown().optional(),
});

/**
 * Reads an image manifest or index (OCI image specification; Docker image manifest version 2, schema 2). Strict on
 * purpose: a document that could be taken for either kind (CVE-2021-41190), whose own `mediaType` is not the one it
 * was served under, or that not all read alike ({@link parseDocumentJson}), is refused.
 * @throws {OciError} `too-large`, `invalid-image-manifest`, `ambiguous-image-manifest`, `ambiguous-json` or
 * `media-type-mismatch`.
 */
export function readImageContent(document: ImageDocument, where?: string): ImageContent {
  const { mediaType } = document.descriptor;
  const at = { where: where ?? document.descriptor.digest };
  if (document.bytes.length > limits.manifestBytes) {
    throw new OciError(
      "too-large",
      phrase`manifest has ${document.bytes.length} bytes, the limit is ${limits.manifestBytes}`,
      at,
    );
  }
  const kind = isIndexType(mediaType) ? "index" : isManifestType(mediaType) ? "manifest" : undefined;
  if (kind === undefined) {
    throw new OciError(
      "invalid-image-manifest",
      phrase`media type ${JSON.stringify(mediaType)} is neither an image manifest nor an index`,
      {
        ...at,
        hint: "images in Docker's schema 1 must be pushed again by a current tool",
      },
    );
  }
  const parsed = documentSchema.safeParse(parseDocumentJson(document.bytes, at.where));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new OciError(
      "invalid-image-manifest",
      `not a valid ${kind}: ${issue?.path.join(".") || "document"}: ${issue?.message}`,
      { ...at, hint: "whoever built the image has to build it again, with another tool" },
    );
  }
  const json = parsed.data;
  const looksLikeIndex = json.manifests != null;
  const looksLikeManifest = json.layers != null || json.config !== undefined;
  if (looksLikeIndex && looksLikeManifest) {
    throw new OciError(
      "ambiguous-image-manifest",
      "the document has the fields of both an image manifest and an index",
      at,
    );
  }
  if (json.fsLayers !== undefined || json.history !== undefined) {
    throw new OciError(
      "ambiguous-image-manifest",
      "the document has the fields of both an image manifest and one of Docker's schema 1",
      at,
    );
  }
  if (json.mediaType != null && json.mediaType !== mediaType) {
    throw new OciError(
      "media-type-mismatch",
      phrase`the document says it is ${json.mediaType}, but it was served as ${mediaType}`,
      at,
    );
  }
  // A list that is null is one of nothing, as Go writes it.
  if (kind === "index" ? json.manifests === undefined || looksLikeManifest : json.config === undefined) {
    throw new OciError(
      "invalid-image-manifest",
      `the document has no ${kind === "index" ? "manifests" : "config"}`,
      at,
    );
  }
  const config = json.config === undefined ? [] : [descriptor(json.config)];
  const artifactType = json.artifactType ?? artifactTypeOf(config[0]);
  return {
    kind,
    mediaType,
    children: (json.manifests ?? []).map(descriptor),
    blobs: [...config, ...(json.layers ?? []).map(descriptor)],
    ...(json.subject == null ? {} : { subject: descriptor(json.subject) }),
    artifactType,
    annotations: json.annotations ?? {},
  };
}

function descriptor(json: z.infer<typeof descriptorSchema>): Descriptor {
  const platform = json.platform == null ? undefined : readPlatform(json.platform);
  return {
    mediaType: json.mediaType,
    digest: json.digest,
    size: json.size,
    ...(json.artifactType == null ? {} : { artifactType: json.artifactType }),
    ...(json.annotations == null ? {} : { annotations: json.annotations }),
    platform,
  };
}

/** What is left out of a platform is empty; one that says nothing is none. */
function readPlatform({
  os,
  architecture,
  variant,
}: NonNullable<z.infer<typeof descriptorSchema>["platform"]>): Platform | undefined {
  if (!os && !architecture) return undefined;
  return { os: os ?? "", architecture: architecture ?? "", ...(variant == null ? {} : { variant }) };
}

function artifactTypeOf(config: Descriptor | undefined): string | undefined {
  if (config === undefined) return undefined;
  const imageConfigs: readonly string[] = [
    mediaTypes.ociConfig,
    mediaTypes.dockerConfig,
    mediaTypes.ociEmpty,
  ];
  return imageConfigs.includes(config.mediaType) ? undefined : config.mediaType;
}

/**
 * The tag under which registries without the referrers API keep the list of a digest's referrers: algorithm and
 * hexadecimal digits, cut to 32 and 64 characters (distribution specification, "Referrers Tag Schema").
 */
export function referrersTag(subject: Digest): Tag {
  const [algorithm = "", hex = ""] = subject.split(":");
  const tag = `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
  if (isTag(tag)) return tag;
  throw new OciError("invalid-tag", phrase`${subject} has no referrers tag`);
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
