import * as z from "zod/mini";
import { type Phrase, phrase } from "../errors/index.ts";
import type { Descriptor, ImageDocument, Platform } from "./descriptor.ts";
import { type Digest, digestIn } from "./digest.ts";
import { english, parseDocumentJson } from "./document-json.ts";
import { OciError, type OciErrorCode } from "./errors.ts";
import { limits } from "./limits.ts";
import { isIndexType, isManifestType, mediaTypes } from "./media-type.ts";
import { isTag, parseTag, type Tag } from "./tag.ts";

/** What an image manifest or an index refers to, in the order in which it is written. */
export interface ImageContent {
  readonly kind: "manifest" | "index";
  readonly mediaType: string;
  /** Manifests and indexes that an index lists; empty for an image manifest. */
  readonly children: readonly Descriptor[];
  /** Config (first) and layers of an image manifest; empty for an index. */
  readonly blobs: readonly Descriptor[];
  /** The manifest this one is about, when it is a referrer. */
  readonly subject?: Descriptor | undefined;
  /** The artifact type: the field of that name or, without it, the config's media type when that is not an image's. */
  readonly artifactType?: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A map of strings, as Go reads it: `null` for one of them is the empty string. */
const stringSchema = z.pipe(
  z.nullable(z.string()),
  z.transform((value) => value ?? ""),
);

/** What Go writes as `null` is not there. */
const optional = <Schema extends z.ZodMiniType>(schema: Schema) =>
  z.pipe(
    z.nullish(schema),
    z.transform((value) => value ?? undefined),
  );
const textSchema = optional(z.string());
const annotationsSchema = optional(z.record(z.string(), stringSchema));

/** What is left out of a platform is empty; one that says nothing is none. */
const platformSchema = z.pipe(
  z.nullish(z.object({ os: textSchema, architecture: textSchema, variant: textSchema })),
  z.transform((platform): Platform | undefined => {
    const { os, architecture, variant } = platform ?? {};
    return os || architecture ? { os: os ?? "", architecture: architecture ?? "", variant } : undefined;
  }),
);

const descriptorSchema = z.object({
  mediaType: z.string().check(z.minLength(1), z.maxLength(255)),
  digest: digestIn("is no sha256 or sha512 digest"),
  size: z.int().check(z.nonnegative()),
  artifactType: textSchema,
  annotations: annotationsSchema,
  platform: platformSchema,
});

const documentSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: textSchema,
  artifactType: textSchema,
  config: z.optional(descriptorSchema),
  layers: z.nullish(z.array(descriptorSchema)),
  manifests: z.nullish(z.array(descriptorSchema)),
  subject: optional(descriptorSchema),
  annotations: annotationsSchema,
  fsLayers: z.optional(z.unknown()),
  history: z.optional(z.unknown()),
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
  const at = where ?? document.descriptor.digest;
  const refuse = (code: OciErrorCode, message: string | Phrase, hint?: string) =>
    new OciError(code, message, { where: at, hint });
  const size = document.bytes.length;
  if (size > limits.manifestBytes) {
    throw refuse("too-large", phrase`manifest has ${size} bytes, the limit is ${limits.manifestBytes}`);
  }
  const kind = isIndexType(mediaType) ? "index" : isManifestType(mediaType) ? "manifest" : undefined;
  if (kind === undefined) {
    const message = phrase`media type ${JSON.stringify(mediaType)} is neither an image manifest nor an index`;
    const hint = "images in Docker's schema 1 must be pushed again by a current tool";
    throw refuse("invalid-image-manifest", message, hint);
  }
  const parsed = documentSchema.safeParse(parseDocumentJson(document.bytes, at), english);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const message = `not a valid ${kind}: ${issue?.path.join(".") || "document"}: ${issue?.message}`;
    const hint = "whoever built the image has to build it again, with another tool";
    throw refuse("invalid-image-manifest", message, hint);
  }
  const json = parsed.data;
  const looksLikeManifest = json.layers != null || json.config !== undefined;
  const isSchema1 = json.fsLayers !== undefined || json.history !== undefined;
  const other =
    json.manifests != null && looksLikeManifest ? "an index" : isSchema1 && "one of Docker's schema 1";
  if (other) {
    const message = `the document has the fields of both an image manifest and ${other}`;
    throw refuse("ambiguous-image-manifest", message);
  }
  if (json.mediaType !== undefined && json.mediaType !== mediaType) {
    const message = phrase`the document says it is ${json.mediaType}, but it was served as ${mediaType}`;
    throw refuse("media-type-mismatch", message);
  }
  // A list that is null is one of nothing, as Go writes it.
  if (kind === "index" ? json.manifests === undefined || looksLikeManifest : json.config === undefined) {
    const missing = kind === "index" ? "manifests" : "config";
    throw refuse("invalid-image-manifest", `the document has no ${missing}`);
  }
  const { config, subject, annotations = {} } = json;
  return {
    kind,
    mediaType,
    children: json.manifests ?? [],
    blobs: [...(config === undefined ? [] : [config]), ...(json.layers ?? [])],
    subject,
    artifactType: json.artifactType ?? artifactTypeOf(config),
    annotations,
  };
}

/** The same of what may be no image manifest: `undefined` then. */
export function imageContentIn(document: ImageDocument): ImageContent | undefined {
  try {
    return readImageContent(document);
  } catch (error) {
    if (error instanceof OciError) return undefined;
    throw error;
  }
}

function artifactTypeOf(config: Descriptor | undefined): string | undefined {
  if (config === undefined) return undefined;
  const { ociConfig, dockerConfig, ociEmpty } = mediaTypes;
  const imageConfigs: readonly string[] = [ociConfig, dockerConfig, ociEmpty];
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

/** What cosign's older layout keeps of an image under tags of its own: signatures, attestations, a list of what is in it. */
export const cosignTagKinds = ["sig", "att", "sbom"] as const;
/** One of {@link cosignTagKinds}. */
export type CosignTagKind = (typeof cosignTagKinds)[number];

/** The tag under which cosign's older layout keeps something of an image: `sha256-HEX.sig`. */
export function cosignTag(subject: Digest, kind: CosignTagKind): Tag {
  return parseTag(`${referrersTag(subject)}.${kind}`);
}

/** What a tag of cosign's holds; `undefined` for a tag that is none of these. */
export function cosignTagKindOf(tag: string): CosignTagKind | undefined {
  const [, kind] = /^sha(?:256|512)-[0-9a-f]{64}\.(\w+)$/.exec(tag) ?? [];
  return cosignTagKinds.find((known) => known === kind);
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
    artifactType: artifactType || undefined,
    annotations: Object.keys(content.annotations).length === 0 ? undefined : content.annotations,
  };
}
