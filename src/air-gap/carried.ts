import * as z from "zod/mini";
import { describeBytes, type ImageDocument, mediaTypes, readImageContent } from "../oci/index.ts";
import { type Repository, readSmallBlob } from "../registry/index.ts";
import { AirGapError } from "./errors.ts";
import { carriedType } from "./listing.ts";
import type { BundledFile, CarriedFile } from "./model.ts";

const titleAnnotation = "org.opencontainers.image.title";
const fileType = "application/octet-stream";
/** Bytes of one carried file, which is in memory as a whole, and of all. */
const maxFileBytes = 64 * 1024 * 1024;
const maxAllBytes = 256 * 1024 * 1024;
const maxFiles = 20_000;

const pathSchema = z.string().check(
  z.maxLength(1024),
  z.refine((path) => path.split("/").every((part) => /^[A-Za-z0-9_+@=,][A-Za-z0-9_.+@=, -]*$/.test(part)), {
    error: "is no plain relative path",
  }),
);

function isCarriable(path: string): boolean {
  return pathSchema.safeParse(path).success;
}

/**
 * The files as an artifact of an image layout: one layer for each, named by its title, so that they are named by their digests.
 * @throws {AirGapError} `bundle-refused` for what {@link listCarried} would refuse on the other side.
 */
export function carriedArtifact(files: readonly CarriedFile[]): {
  readonly document: ImageDocument;
  readonly blobs: readonly Uint8Array[];
} {
  const empty = Buffer.from("{}");
  const sorted = files.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  const sizes = sorted.map(({ path, bytes }) => ({ path, size: bytes.length }));
  refuseUncarriable(sizes, (message) => new AirGapError("bundle-refused", message));
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: carriedType,
    config: describeBytes(mediaTypes.ociEmpty, empty),
    layers: sorted.map(({ path, bytes }) => ({
      ...describeBytes(fileType, bytes),
      annotations: { [titleAnnotation]: path },
    })),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return {
    document: { descriptor: describeBytes(mediaTypes.ociManifest, bytes), bytes },
    blobs: [empty, ...sorted.map((file) => file.bytes)],
  };
}

/**
 * Lists them by the artifact; none is read yet, so that whoever writes them holds one at a time.
 * @throws {AirGapError} `bundle-refused` for a path that leads elsewhere, or stands twice, and for too much.
 */
export function listCarried(
  document: ImageDocument,
  repository: Pick<Repository, "name" | "open">,
  where: string,
): readonly BundledFile[] {
  const { blobs } = readImageContent(document, where);
  const files = blobs.slice(1).map((layer) => ({
    path: layer.annotations?.[titleAnnotation] ?? "",
    size: layer.size,
    read: () => readSmallBlob(repository, layer, maxFileBytes),
  }));
  refuseUncarriable(files, (message) => new AirGapError("bundle-refused", message, { where }));
  return files;
}

function refuseUncarriable(
  files: readonly Pick<BundledFile, "path" | "size">[],
  refuse: (message: string) => AirGapError,
): void {
  if (files.length > maxFiles) throw refuse(`it carries more than ${maxFiles} files`);
  // A blob that stands under many names is read as often.
  if (files.reduce((sum, { size }) => sum + size, 0) > maxAllBytes)
    throw refuse(`the files that it carries have more than ${maxAllBytes} bytes together`);
  const known = new Set<string>();
  for (const { path, size } of files) {
    const shown = JSON.stringify(path.slice(0, 200));
    if (!isCarriable(path))
      throw refuse(`a file that it carries is named ${shown}, which is no plain relative path`);
    if (known.has(path)) throw refuse(`it carries two files ${shown}`);
    known.add(path);
    if (size > maxFileBytes) throw refuse(`the file ${shown} has more than ${maxFileBytes} bytes`);
  }
}
