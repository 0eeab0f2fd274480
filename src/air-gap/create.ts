import type { FailureRecord } from "../errors/index.ts";
import type { ProgressEvent } from "../events/index.ts";
import { type Listener, toAll } from "../events/index.ts";
import { type Descriptor, type Digest, describeBytes, digestOf } from "../oci/index.ts";
import { carriedArtifact } from "./carried.ts";
import { type GatheredImage, gather } from "./gather.ts";
import { formatListing, layoutMarker } from "./listing.ts";
import type { BundledImage, BundleEvent, BundleSource, CarriedFile } from "./model.ts";
import { blobPath } from "./open.ts";
import { type FileBlob, type FileContents, UnreadBlobs, type WrittenFile, writeFile } from "./write-file.ts";

/** What a bundle is made of. */
export interface CreateOptions {
  /** The file to make; beside it stand `.part` and `.lock` while it is made. */
  readonly file: string;
  readonly sources: readonly BundleSource[];
  readonly files?: readonly CarriedFile[];
  /** Look, and write nothing. */
  readonly dryRun?: boolean;
  readonly listener?: Listener<BundleEvent | ProgressEvent> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A bundle that was made, or would be in a dry run. */
export interface CreatedBundle {
  /** See {@link Bundle.digest}. */
  readonly digest: Digest;
  readonly images: readonly BundledImage[];
  readonly files: readonly string[];
  /** Of the file. */
  readonly bytes: number;
  /** `undefined` in a dry run, and where no image could be had: then no file is made. */
  readonly written: WrittenFile | undefined;
}

/**
 * Makes a bundle: one tar file that is an OCI image layout of all the images, of all that hangs on them, and of the files. Same inputs,
 * same bytes. An image that cannot be read is told and left out, and the others are in it. Running again goes on where the last
 * run ended. Of images of which none can be had no file is made.
 * @throws {AirGapError} when the file cannot be made.
 */
export async function createBundle(options: CreateOptions): Promise<CreatedBundle> {
  const { file, sources, files = [], dryRun = false, listener, signal } = options;
  let gathered = await gather(sources, { listener, signal });
  for (;;) {
    const { contents, digest, bytes } = contentsOf(gathered, files);
    const images = gathered.map(({ image }) => image);
    const missing = images.filter(({ result }) => result !== "bundled").length;
    listener?.({ type: "gathered", images: images.length - missing, bytes, missing });
    const told = { digest, images, files: files.map(({ path }) => path), bytes };
    if (dryRun || missing === images.length) return { ...told, written: undefined };
    try {
      const written = await writeFile(file, contents, { listener: counting(contents, listener), signal });
      return { ...told, written };
    } catch (error) {
      if (!(error instanceof UnreadBlobs)) throw error;
      gathered = gathered.map((image) => withoutUnread(image, error.failures));
    }
  }
}

/** Tells of blobs that are written as progress, too. */
function counting(
  { blobs }: FileContents,
  listener: CreateOptions["listener"],
): Listener<BundleEvent> | undefined {
  if (listener === undefined) return undefined;
  let done = 0;
  return toAll(listener, () => {
    done += 1;
    listener({ type: "progress", done, total: blobs.length });
  });
}

/** The image, failed where one of its blobs could not be read. */
function withoutUnread(gathered: GatheredImage, failures: ReadonlyMap<Digest, FailureRecord>): GatheredImage {
  const failure = gathered.blobs
    .map(({ blob }) => failures.get(blob.digest))
    .find((each) => each !== undefined);
  if (failure === undefined) return gathered;
  const image: BundledImage = { ...gathered.image, result: "failed", failure };
  return { image, listed: [], documents: [], blobs: [] };
}

function contentsOf(gathered: readonly GatheredImage[], files: readonly CarriedFile[]) {
  const blobs = new Map<Digest, FileBlob>();
  const manifests = new Map<Digest, FileBlob>();
  const known = (blob: Descriptor, bytes: Uint8Array): FileBlob => ({ blob, open: async () => bytes });
  for (const { documents } of gathered) {
    for (const { descriptor, bytes } of documents) manifests.set(descriptor.digest, known(descriptor, bytes));
  }
  for (const each of gathered.flatMap((image) => image.blobs)) {
    const { blob, from } = each;
    if (!manifests.has(blob.digest) && !blobs.has(blob.digest))
      blobs.set(blob.digest, { blob, open: () => from.open(blob) });
  }
  const carried = files.length === 0 ? undefined : carriedArtifact(files);
  if (carried !== undefined) {
    const { descriptor, bytes } = carried.document;
    manifests.set(descriptor.digest, known(descriptor, bytes));
    for (const content of carried.blobs) {
      const blob = describeBytes("application/octet-stream", content);
      if (!manifests.has(blob.digest)) blobs.set(blob.digest, known(blob, content));
    }
  }
  const listing = formatListing(
    gathered.flatMap(({ listed }) => listed),
    carried?.document.descriptor,
  );
  const contents: FileContents = {
    first: [
      { name: "oci-layout", bytes: layoutMarker },
      { name: "index.json", bytes: listing },
    ],
    blobs: [...inOrder(manifests), ...inOrder(blobs)],
  };
  const bytes = contents.blobs.reduce((sum, { blob }) => sum + blob.size, 0);
  return { contents, digest: digestOf(listing), bytes };
}

/** In an order that is always the same: that of their names in the layout. */
function inOrder(blobs: ReadonlyMap<Digest, FileBlob>): readonly FileBlob[] {
  return [...blobs.values()].sort((one, other) =>
    blobPath(one.blob.digest) < blobPath(other.blob.digest) ? -1 : 1,
  );
}
