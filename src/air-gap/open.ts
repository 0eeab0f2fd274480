import type { FileHandle } from "node:fs/promises";
import { diskFaultOf, openRegular, readAt } from "../disk/index.ts";
import {
  algorithmOf,
  type Digest,
  digestOf,
  hexOf,
  parseRepository,
  type RepositoryName,
} from "../oci/index.ts";
import { openSealedLayout, type Repository, type SealedBlobs } from "../registry/index.ts";
import { listCarried } from "./carried.ts";
import { AirGapError } from "./errors.ts";
import { type BundleListing, parseListing } from "./listing.ts";
import type { BundledFile, ListedImage } from "./model.ts";
import { readTar } from "./tar-read.ts";

/** A bundle that was opened: repositories that are read, and files that came with them. */
export interface Bundle {
  /** The SHA-256 digest of its list, which names all that it holds by digests: whoever knows it knows the whole. */
  readonly digest: Digest;
  /** What is listed, by repository, in the order of their names. */
  readonly images: ReadonlyMap<RepositoryName, readonly ListedImage[]>;
  /** A repository of it. */
  repository(name: RepositoryName): Repository;
  /** The files that it carries. */
  files(): Promise<readonly BundledFile[]>;
  close(): Promise<void>;
}

/** Bytes of an index.json: about 300,000 entries. */
const maxListingBytes = 128 * 1024 * 1024;

/** The name that a blob has in an image layout. */
export function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/**
 * Opens a bundle. Its headers and its list are read, which is little; what it holds is hashed when it is read.
 * @throws {AirGapError} for a file that is none, was cut off, or holds what no bundle holds.
 */
export async function openBundle(path: string): Promise<Bundle> {
  const handle = await openFile(path);
  try {
    const files = await readTar(handle, path);
    const blobs: SealedBlobs = {
      handle,
      where: path,
      find: (digest) => files.get(blobPath(digest)),
    };
    const index = files.get("index.json");
    if (index === undefined || !files.has("oci-layout")) {
      throw new AirGapError("bundle-unreadable", "it holds no image layout", { where: path });
    }
    if (index.size > maxListingBytes)
      throw new AirGapError("bundle-refused", "its list is too long", { where: path });
    const bytes = await readAt(handle, index.start, index.size);
    const listing = parseListing(bytes, path);
    return bundleOf(blobs, listing, digestOf(bytes));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function bundleOf(blobs: SealedBlobs, { images, carried }: BundleListing, digest: Digest): Bundle {
  const byName = new Map<RepositoryName, ListedImage[]>();
  for (const image of images.toSorted((one, other) => (one.repository < other.repository ? -1 : 1))) {
    const known = byName.get(image.repository) ?? [];
    known.push(image);
    byName.set(image.repository, known);
  }
  const opened = new Map<RepositoryName, Repository>();
  return {
    digest,
    images: byName,
    repository(name) {
      const listed = byName.get(name) ?? [];
      const repository = opened.get(name) ?? openSealedLayout({ name, listed, blobs });
      opened.set(name, repository);
      return repository;
    },
    async files() {
      if (carried === undefined) return [];
      const name = parseRepository("localhost/files");
      const repository = openSealedLayout({
        name,
        listed: [{ manifest: carried, tag: undefined }],
        blobs,
      });
      const document = await repository.fetch(carried.digest);
      if (document === undefined)
        throw new AirGapError("bundle-damaged", "the files that it carries are not in it", {
          where: blobs.where,
        });
      return listCarried(document, repository, blobs.where);
    },
    close: () => blobs.handle.close(),
  };
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const handle = await openRegular(path);
    if (handle !== undefined) return handle;
  } catch (cause) {
    const { message, hint } = diskFaultOf(cause);
    throw new AirGapError("bundle-unreadable", message, { where: path, hint, cause });
  }
  throw new AirGapError("bundle-unreadable", "there is no such file", { where: path });
}
