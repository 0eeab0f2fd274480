import * as z from "zod/mini";
import { phrase } from "../../errors/index.ts";
import {
  type Descriptor,
  type Digest,
  english,
  isDigest,
  isImageType,
  isTag,
  mediaTypes,
  OciError,
  parseDocumentJson,
  type Tag,
} from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";

/**
 * The `index.json` of an image layout (OCI image specification, image-layout.md). What others wrote into it, and this
 * room does not know, stays as it is.
 */
export interface LayoutIndex {
  readonly document: Readonly<Record<string, unknown>>;
  readonly entries: readonly LayoutEntry[];
}

/** An item of `manifests`: an image manifest or index that the layout holds, or something else to be left alone. */
interface LayoutEntry {
  readonly json: Readonly<Record<string, unknown>>;
  /** Without annotations; `undefined` when the item is none of ours. */
  readonly manifest: Descriptor | undefined;
  readonly tag: Tag | undefined;
  /** It has a name that is no tag, such as a whole reference. */
  readonly isMisnamed: boolean;
}

/** The annotation that names an entry; one that is a tag tags it, as Skopeo, ORAS and regclient have it. */
const nameAnnotation = "org.opencontainers.image.ref.name";

const entrySchema = z.looseObject({
  mediaType: z.string(),
  digest: z.string(),
  size: z.int().check(z.nonnegative()),
  artifactType: z.optional(z.string()),
  annotations: z.nullish(z.record(z.string(), z.nullable(z.string()))),
});
const indexSchema = z.looseObject({
  schemaVersion: z.literal(2),
  manifests: z.nullish(z.array(entrySchema)),
});

export const emptyIndex: LayoutIndex = {
  document: { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] },
  entries: [],
};

/** An index of these manifests, each under its tag or by its digest alone. */
export function indexOf(
  listed: readonly { readonly manifest: Descriptor; readonly tag: Tag | undefined }[],
): LayoutIndex {
  const entries = listed.map(({ manifest, tag }) => ({ json: {}, manifest, tag, isMisnamed: false }));
  return { ...emptyIndex, entries };
}

/** Reads an `index.json`. @throws {RegistryError} `storage` when it is none, or one tag stands at two digests. */
export function parseIndex(bytes: Uint8Array, where: string): LayoutIndex {
  const parsed = indexSchema.safeParse(documentJson(bytes, where), english);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path.join(".") || "the document";
    const message = `not an index of an image layout: ${path}: ${issue?.message}`;
    throw new RegistryError("storage", message, { where });
  }
  const { manifests, ...document } = parsed.data;
  const index = { document, entries: (manifests ?? []).map(readEntry) };
  const tags = new Map<Tag, Digest>();
  for (const { tag, manifest } of index.entries) {
    if (tag === undefined || manifest === undefined) continue;
    const other = tags.get(tag) ?? manifest.digest;
    if (other !== manifest.digest) {
      const message = phrase`the tag ${tag} stands at two digests: ${other} and ${manifest.digest}`;
      const hint = `remove the annotation ${nameAnnotation} from one of them`;
      throw new RegistryError("storage", message, { where, hint });
    }
    tags.set(tag, manifest.digest);
  }
  return index;
}

/** Other tools have to read the same in it, so that it is parsed as an image manifest is. */
function documentJson(bytes: Uint8Array, where: string): unknown {
  try {
    return parseDocumentJson(bytes, where);
  } catch (cause) {
    if (!(cause instanceof OciError)) throw cause;
    throw new RegistryError("storage", phrase`not an index of an image layout: ${cause.message}`, {
      where,
      cause,
    });
  }
}

/** An `index.json` as bytes, the inverse of {@link parseIndex}. */
export function formatIndex(index: LayoutIndex): Uint8Array {
  const manifests = index.entries.map((entry) => entry.json);
  return Buffer.from(`${JSON.stringify({ ...index.document, manifests })}\n`);
}

/** What a tag or a digest stands for, as far as the index itself lists it. */
export function findEntry(index: LayoutIndex, target: Tag | Digest): Descriptor | undefined {
  const listed = index.entries.find((entry) => entry.tag === target || entry.manifest?.digest === target);
  return listed?.manifest;
}

/** All manifests that the index itself lists, each once, with their tags. */
export function listedManifests(index: LayoutIndex) {
  const listed = new Map<Digest, { readonly descriptor: Descriptor; readonly tags: Tag[] }>();
  for (const { manifest, tag } of index.entries) {
    if (manifest === undefined) continue;
    const known = listed.get(manifest.digest) ?? { descriptor: manifest, tags: [] };
    if (tag !== undefined && !known.tags.includes(tag)) known.tags.push(tag);
    listed.set(manifest.digest, known);
  }
  return listed;
}

/**
 * The index with a manifest under a tag, or under its digest alone. A tag that stood elsewhere leaves its old
 * manifest, which stays listed. Gives the same index when nothing is to be done.
 */
export function withManifest(index: LayoutIndex, manifest: Descriptor, tag: Tag | undefined): LayoutIndex {
  const present = index.entries.some(
    (entry) => entry.manifest?.digest === manifest.digest && (tag === undefined || entry.tag === tag),
  );
  if (present) return index;
  const others = tag === undefined ? index : withoutTag(index, tag);
  const { mediaType, digest, size } = manifest;
  const annotations = tag === undefined ? {} : { annotations: { [nameAnnotation]: tag } };
  const entry = readEntry({ mediaType, digest, size, ...annotations });
  const entries = others.entries.filter((other) => !(isNameless(other) && other.manifest?.digest === digest));
  return { ...others, entries: [...entries, entry] };
}

/** The index without a tag; a manifest that had no other one stays, without a name. */
export function withoutTag(index: LayoutIndex, tag: Tag): LayoutIndex {
  const digest = findEntry(index, tag)?.digest;
  if (digest === undefined) return index;
  // Whether it is listed elsewhere, too.
  let kept = index.entries.some((entry) => entry.manifest?.digest === digest && entry.tag !== tag);
  const entries = index.entries.flatMap((entry) => {
    if (entry.tag !== tag) return [entry];
    if (kept) return [];
    kept = true;
    return [withoutName(entry)];
  });
  return { ...index, entries };
}

/** The index without a manifest and all its tags. */
export function withoutManifest(index: LayoutIndex, digest: Digest): LayoutIndex {
  const entries = index.entries.filter((entry) => entry.manifest?.digest !== digest);
  return entries.length === index.entries.length ? index : { ...index, entries };
}

function readEntry(json: z.output<typeof entrySchema>): LayoutEntry {
  const { mediaType, digest, size, artifactType, annotations } = json;
  const isOurs = isDigest(digest) && isImageType(mediaType);
  if (!isOurs) return { json, manifest: undefined, tag: undefined, isMisnamed: false };
  const name = annotations?.[nameAnnotation];
  return {
    json,
    manifest: { mediaType, digest, size, artifactType },
    tag: name != null && isTag(name) ? name : undefined,
    isMisnamed: name != null && !isTag(name),
  };
}

function isNameless(entry: LayoutEntry): boolean {
  return entry.json.annotations === undefined || entry.json.annotations === null;
}

function withoutName(entry: LayoutEntry): LayoutEntry {
  const { annotations, ...json } = entrySchema.parse(entry.json);
  const { [nameAnnotation]: _, ...rest } = annotations ?? {};
  return readEntry(Object.keys(rest).length === 0 ? json : { ...json, annotations: rest });
}
