import * as z from "zod/mini";
import { phrase } from "../errors/index.ts";
import {
  type Digest,
  digestSchema,
  english,
  formatReference,
  isImageType,
  jsonIn,
  limits,
  mediaTypes,
  parseReference,
} from "../oci/index.ts";
import { AirGapError } from "./errors.ts";
import type { ListedImage } from "./model.ts";

/** The annotation by which an image layout names what it lists (OCI image specification, annotations.md). */
const nameAnnotation = "org.opencontainers.image.ref.name";
/** The artifact type of the files that a bundle carries beside images. */
export const carriedType = "application/vnd.waybill.bundle.files.v1";

/** What every image layout has beside its index. */
export const layoutMarker: Buffer = Buffer.from(`${JSON.stringify({ imageLayoutVersion: "1.0.0" })}\n`);

/**
 * The `index.json` of a bundle: an image layout whose names are whole references, `host/path:tag` or `host/path@digest`, so that it can
 * hold several repositories. The order is that of the names: what is listed says all of it.
 */
export function formatListing(
  images: readonly ListedImage[],
  carried: ListedImage["manifest"] | undefined,
): Buffer {
  const named = new Map<string, ListedImage["manifest"]>();
  for (const { repository, tag, manifest } of images)
    named.set(formatReference(repository, tag ?? manifest.digest), manifest);
  const manifests = [...named]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, { mediaType, digest, size }]) => ({
      mediaType,
      digest,
      size,
      annotations: { [nameAnnotation]: name },
    }));
  const files =
    carried === undefined
      ? []
      : [
          {
            mediaType: carried.mediaType,
            digest: carried.digest,
            size: carried.size,
            artifactType: carriedType,
          },
        ];
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [...files, ...manifests],
  };
  return Buffer.from(`${JSON.stringify(index, undefined, 1)}\n`);
}

const entrySchema = z.object({
  mediaType: z.string().check(z.maxLength(255)),
  digest: digestSchema,
  size: z.int().check(z.nonnegative(), z.maximum(limits.manifestBytes)),
  artifactType: z.optional(z.string().check(z.maxLength(255))),
  annotations: z.optional(z.record(z.string().check(z.maxLength(255)), z.string().check(z.maxLength(4096)))),
});
const listingSchema = z.object({
  schemaVersion: z.literal(2),
  manifests: z.array(entrySchema).check(z.maxLength(1_000_000)),
});

/** What an `index.json` lists. */
export interface BundleListing {
  readonly images: readonly ListedImage[];
  /** The manifest of the files that go with them. */
  readonly carried: ListedImage["manifest"] | undefined;
}

/** Reads it. @throws {AirGapError} `bundle-unreadable` for another layout's, `bundle-refused` when one name stands for two images. */
export function parseListing(bytes: Buffer, where: string): BundleListing {
  const parsed = listingSchema.safeParse(jsonIn(bytes.toString("utf8")), english);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const message = `its index.json lists no images: ${issue?.path.join(".") || "document"}: ${issue?.message}`;
    throw new AirGapError("bundle-unreadable", message, { where });
  }
  const images = new Map<string, ListedImage>();
  let carried: ListedImage["manifest"] | undefined;
  for (const { mediaType, digest, size, artifactType, annotations } of parsed.data.manifests) {
    const manifest = { mediaType, digest, size };
    const name = annotations?.[nameAnnotation];
    if (name === undefined && artifactType === carriedType && carried === undefined) {
      carried = manifest;
      continue;
    }
    if (name === undefined || !isImageType(mediaType)) throw nameless(digest, where);
    const known = images.get(name);
    if (known !== undefined && known.manifest.digest !== digest) {
      const message = phrase`${JSON.stringify(name)} stands in it for two images`;
      throw new AirGapError("bundle-refused", message, { where });
    }
    images.set(name, listedUnder(name, manifest, where));
  }
  return { images: [...images.values()], carried };
}

function listedUnder(name: string, manifest: ListedImage["manifest"], where: string): ListedImage {
  try {
    const { repository, tag, digest } = parseReference(name);
    if (digest !== undefined && digest !== manifest.digest) throw nameless(manifest.digest, where);
    if (tag === undefined && digest === undefined) throw nameless(manifest.digest, where);
    return { repository, tag, manifest };
  } catch {
    throw nameless(manifest.digest, where);
  }
}

function nameless(digest: Digest, where: string): AirGapError {
  return new AirGapError("bundle-unreadable", phrase`it does not say which repository ${digest} is of`, {
    where,
    hint: "it is an image layout of another program: unpack it into a folder, and use waybill copy oci:FOLDER:TAG",
  });
}
