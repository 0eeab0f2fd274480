import { z } from "zod";
import type { Descriptor, ImageDocument, Platform } from "./descriptor.ts";
import { isDigest } from "./digest.ts";
import { OciError } from "./errors.ts";
import { limits } from "./limits.ts";
import { isIndexType, isManifestType, mediaTypes } from "./media-type.ts";

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
  readonly artifactType?: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const descriptorSchema = z.object({
  mediaType: z.string().min(1).max(255),
  digest: z.string().refine(isDigest, { error: "is no sha256 or sha512 digest" }),
  size: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  artifactType: z.string().optional(),
  annotations: z.record(z.string(), z.string()).nullish(),
  platform: z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() }).nullish(),
});

const documentSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  config: descriptorSchema.optional(),
  layers: z.array(descriptorSchema).nullish(),
  manifests: z.array(descriptorSchema).nullish(),
  subject: descriptorSchema.nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
});

/**
 * Reads an image manifest or index (OCI image specification; Docker image manifest version 2, schema 2). Strict on
 * purpose: a document that could be taken for either kind (CVE-2021-41190), or whose own `mediaType` is not the one
 * it was served under, is refused.
 * @throws {OciError} `too-large`, `invalid-image-manifest`, `ambiguous-image-manifest` or `media-type-mismatch`.
 */
export function readImageContent(document: ImageDocument, where?: string): ImageContent {
  const { mediaType } = document.descriptor;
  const at = { where: where ?? document.descriptor.digest };
  if (document.bytes.length > limits.manifestBytes) {
    throw new OciError(
      "too-large",
      `manifest has ${document.bytes.length} bytes, the limit is ${limits.manifestBytes}`,
      at,
    );
  }
  const kind = isIndexType(mediaType) ? "index" : isManifestType(mediaType) ? "manifest" : undefined;
  if (kind === undefined) {
    throw new OciError(
      "invalid-image-manifest",
      `media type ${JSON.stringify(mediaType)} is neither an image manifest nor an index`,
      {
        ...at,
        hint: "images in Docker's schema 1 must be pushed again by a current tool",
      },
    );
  }
  const parsed = documentSchema.safeParse(parseJson(document.bytes, at.where));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new OciError(
      "invalid-image-manifest",
      `not a valid ${kind}: ${issue?.path.join(".") || "document"}: ${issue?.message}`,
      at,
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
  if (json.mediaType !== undefined && json.mediaType !== mediaType) {
    throw new OciError(
      "media-type-mismatch",
      `the document says it is ${json.mediaType}, but it was served as ${mediaType}`,
      at,
    );
  }
  if (kind === "index" ? !looksLikeIndex : json.config === undefined) {
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
    ...(artifactType === undefined ? {} : { artifactType }),
    annotations: json.annotations ?? {},
  };
}

function parseJson(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new OciError("invalid-image-manifest", "the document is not JSON in UTF-8", { where, cause });
  }
}

function descriptor(json: z.infer<typeof descriptorSchema>): Descriptor {
  return {
    mediaType: json.mediaType,
    digest: json.digest,
    size: json.size,
    ...(json.artifactType === undefined ? {} : { artifactType: json.artifactType }),
    ...(json.annotations == null ? {} : { annotations: json.annotations }),
    ...(json.platform == null ? {} : { platform: platform(json.platform) }),
  };
}

function platform(json: { os: string; architecture: string; variant?: string | undefined }): Platform {
  return {
    os: json.os,
    architecture: json.architecture,
    ...(json.variant === undefined ? {} : { variant: json.variant }),
  };
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
