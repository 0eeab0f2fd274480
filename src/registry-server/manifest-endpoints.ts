import * as z from "zod/mini";
import {
  bareMediaType,
  type Descriptor,
  type Digest,
  digestMatches,
  digestOf,
  type ImageContent,
  isDigest,
  isForeignLayerType,
  isImageType,
  isTag,
  jsonIn,
  OciError,
  type RepositoryPath,
  readImageContent,
  referrerEntry,
  type Tag,
  type Target,
} from "../oci/index.ts";
import { matchesEtag } from "./blob-endpoints.ts";
import type { Exchange } from "./exchange.ts";
import { serverLimits } from "./limits.ts";
import type { NewManifest, StoredManifest } from "./manifest-store.ts";
import { Refusal } from "./refusal.ts";
import type { RouteTo } from "./route.ts";
import type { Holdings, Storage } from "./storage.ts";

type ManifestRoute = Pick<RouteTo<"manifest">, "repository" | "target">;

const selfDescribed = z.object({ mediaType: z.string() });

/** `GET` and `HEAD` of a manifest, as it was put, whatever `Accept` says ("Pulling manifests"). */
export async function getManifest(
  exchange: Exchange,
  { manifests }: Holdings,
  { repository, target }: ManifestRoute,
) {
  if (exchange.method === "HEAD") {
    const found = await manifests.hold(repository, target);
    if (found === undefined) throw manifestUnknown(repository, target);
    exchange.response.writeHead(200, { ...headersOf(found), "Content-Length": String(found.record.size) });
    return exchange.response.end();
  }
  const found = await manifests.read(repository, target);
  if (found === undefined) throw manifestUnknown(repository, target);
  const headers = headersOf(found);
  if (matchesEtag(exchange.header("if-none-match"), headers.ETag)) return exchange.answer(304, headers);
  exchange.answer(200, headers, found.bytes);
}

/**
 * `PUT` of a manifest under a tag, or under its digest with any number of `?tag=` ("Pushing Manifests"). The registry
 * is strict where the specification lets it: what a manifest refers to must be in the repository already, the
 * children of an index too (no sparse indexes), so that whatever has a tag can be pulled whole. Layers that are not
 * meant to be distributed, and the subject, may be missing.
 */
export async function putManifest(
  exchange: Exchange,
  storage: Storage,
  { repository, target }: ManifestRoute,
) {
  const tags = tagsOf(exchange.query, target);
  const bytes = await exchange.bodyUpTo(serverLimits.manifestBytes, "a manifest");
  const digest = isDigest(target) ? target : digestOf(bytes);
  if (!digestMatches(bytes, digest)) {
    const message = `the manifest received has the digest ${digestOf(bytes)}, not ${digest}`;
    throw new Refusal("DIGEST_INVALID", message);
  }
  const mediaType = mediaTypeOf(exchange.header("content-type"), bytes);
  const content = contentOf({ mediaType, digest, size: bytes.length }, bytes);
  const stored = (await storage.manifests.find(repository, digest))?.record.mediaType ?? mediaType;
  if (stored !== mediaType)
    throw new Refusal("MANIFEST_INVALID", `these bytes are already here as ${stored}`);
  const references = () => sizeOfReferences(storage, repository, content);
  const imageSize = bytes.length + (await references());
  const referrer = referrerOf(content, digest, bytes);
  await storage.room.take(bytes.length);
  const manifest = { bytes, digest, mediaType, imageSize, referrer };
  await storage.manifests.put(repository, manifest, tags, async () => void (await references()));
  exchange.answer(201, {
    Location: `/v2/${repository}/manifests/${digest}`,
    "Docker-Content-Digest": digest,
    ...(content.subject !== undefined && { "OCI-Subject": content.subject.digest }),
    ...(isDigest(target) && tags.length > 0 && { "OCI-Tag": tags.join(", ") }),
  });
}

/** `DELETE` of a tag alone, or of a manifest with all its tags. */
export async function deleteManifest(
  exchange: Exchange,
  storage: Storage,
  { repository, target }: ManifestRoute,
) {
  if (!(await storage.manifests.remove(repository, target))) throw manifestUnknown(repository, target);
  exchange.answer(202, {});
}

function headersOf(found: StoredManifest) {
  return {
    "Content-Type": found.record.mediaType,
    "Docker-Content-Digest": found.digest,
    ETag: `"${found.digest}"`,
  };
}

function tagsOf(query: URLSearchParams, target: Target): Tag[] {
  const parameters = [...new Set(query.getAll("tag"))];
  if (!isDigest(target)) {
    if (parameters.length === 0) return [target];
    throw new Refusal("MANIFEST_INVALID", "tag parameters go with a manifest that is put by its digest");
  }
  if (parameters.length > serverLimits.tagsPerPut) {
    const message = `a manifest may be put under ${serverLimits.tagsPerPut} tags at once`;
    throw new Refusal("MANIFEST_INVALID", message);
  }
  return parameters.map((text) => {
    if (isTag(text)) return text;
    throw new Refusal("MANIFEST_INVALID", `invalid tag: ${JSON.stringify(text.slice(0, 200))}`);
  });
}

function mediaTypeOf(contentType: string | undefined, bytes: Uint8Array): string {
  if (contentType !== undefined) return bareMediaType(contentType);
  // The header is only a SHOULD; without it the manifest has to say what it is.
  const said = selfDescribed.safeParse(jsonIn(Buffer.from(bytes).toString()));
  if (said.success) return said.data.mediaType;
  throw new Refusal("MANIFEST_INVALID", "neither the request nor the manifest says which media type it has");
}

function contentOf(descriptor: Descriptor, bytes: Uint8Array): ImageContent {
  try {
    return readImageContent({ descriptor, bytes });
  } catch (thrown) {
    if (thrown instanceof OciError) throw new Refusal("MANIFEST_INVALID", thrown.message, { cause: thrown });
    throw thrown;
  }
}

/**
 * Bytes of everything the manifest refers to.
 * @throws {Refusal} `MANIFEST_BLOB_UNKNOWN` when something is missing, `MANIFEST_INVALID` when something has another
 * size than the manifest says: nobody could pull it.
 */
async function sizeOfReferences(
  storage: Storage,
  repository: RepositoryPath,
  content: ImageContent,
): Promise<number> {
  let total = 0;
  for (const child of content.children) {
    const known = isImageType(child.mediaType);
    const manifest = (await storage.manifests.hold(repository, child.digest))?.record;
    // Caches of builders keep layers in an index; there the blob is what must be present.
    const blobSize =
      manifest === undefined && !known ? await storage.blobs.hold(repository, child.digest) : undefined;
    const size = manifest?.size ?? blobSize;
    if (size === undefined) throw referenceUnknown(repository, known ? "manifest" : "blob", child.digest);
    refuseOtherSize(child, size);
    total += manifest?.imageSize ?? size;
  }
  for (const blob of content.blobs) {
    const size = await storage.blobs.hold(repository, blob.digest);
    if (size === undefined && !isForeignLayerType(blob.mediaType)) {
      throw referenceUnknown(repository, "blob", blob.digest);
    }
    refuseOtherSize(blob, size ?? blob.size);
    total += size ?? 0;
  }
  const { subject } = content;
  if (subject !== undefined) {
    const stored = await storage.manifests.find(repository, subject.digest);
    refuseOtherSize(subject, stored?.record.size ?? subject.size);
  }
  return total;
}

function refuseOtherSize({ digest, size }: Descriptor, found: number): void {
  if (size === found) return;
  const message = `the manifest says that ${digest} has ${size} bytes; it has ${found}`;
  throw new Refusal("MANIFEST_INVALID", message);
}

/** How the manifest shows up among the referrers of its subject ("Listing Referrers"). */
function referrerOf(content: ImageContent, digest: Digest, bytes: Uint8Array): NewManifest["referrer"] {
  if (content.subject === undefined) return undefined;
  const descriptor = { mediaType: content.mediaType, digest, size: bytes.length };
  return { subject: content.subject.digest, descriptor: referrerEntry(descriptor, content) };
}

function manifestUnknown(repository: RepositoryPath, target: Target): Refusal {
  return new Refusal("MANIFEST_UNKNOWN", `repository ${repository} has no manifest ${target}`);
}

function referenceUnknown(repository: RepositoryPath, what: "manifest" | "blob", digest: Digest): Refusal {
  const message = `the manifest refers to the ${what} ${digest}, which repository ${repository} does not have`;
  return new Refusal("MANIFEST_BLOB_UNKNOWN", message);
}
