import { type FileHandle, open, stat } from "node:fs/promises";
import { type DurableFiles, ifPresent } from "../disk/index.ts";
import type { Digest, RepositoryPath } from "../oci/index.ts";
import { bringBack, reach, touch } from "./aside.ts";
import { type Layout, placeOf, sharedBlobPath } from "./layout.ts";

/** The blobs of all repositories, to be shown. */
export interface BlobReader {
  /** Bytes of the blob, or `undefined` when the repository does not have it. */
  size(repository: RepositoryPath, digest: Digest): Promise<number | undefined>;
  /** The same; the blob stays for a while, because whoever is told of it may be about to refer to it. */
  hold(repository: RepositoryPath, digest: Digest): Promise<number | undefined>;
  /** The blob, open for reading; whoever asked closes it. */
  open(repository: RepositoryPath, digest: Digest): Promise<OpenBlob | undefined>;
}

export interface OpenBlob {
  readonly file: FileHandle;
  readonly size: number;
}

/**
 * How often a blob that is deleted at the same moment is put back before the failure is reported: a disk that is busy takes so long
 * to flush a name that garbage of any age can be collected meanwhile, several times in a row.
 */
const adoptAttempts = 50;

/** The blobs of all repositories, in the layout's folders; every blob was hashed before it came in. */
export type BlobStore = ReturnType<typeof blobStore>;

export function blobStore(layout: Layout, files: DurableFiles) {
  const at = (repository: RepositoryPath, digest: Digest) => placeOf(layout, repository).path("blob", digest);
  const reached = <Found>(
    repository: RepositoryPath,
    digest: Digest,
    work: (path: string) => Promise<Found>,
  ) => reach(placeOf(layout, repository), "blob", digest, work);
  const held = async (path: string) => {
    await touch(path);
    return stat(path);
  };

  const reader: BlobReader = {
    size: async (repository, digest) => (await reached(repository, digest, (path) => stat(path)))?.size,
    hold: async (repository, digest) => (await reached(repository, digest, held))?.size,
    async open(repository, digest) {
      const file = await reached(repository, digest, (path) => open(path, "r"));
      return file && { file, size: (await file.stat()).size };
    },
  };
  return {
    ...reader,
    /** Takes in the file at `path`, which is whole, flushed and hashed; the file itself stays where it is. */
    async adopt(path: string, repository: RepositoryPath, digest: Digest): Promise<void> {
      const shared = sharedBlobPath(layout, digest);
      for (let attempt = 1; attempt <= adoptAttempts; attempt += 1) {
        await files.link(path, shared);
        if ((await files.link(shared, at(repository, digest))) === "absent") continue;
        // The bytes may have come long ago, for somebody else.
        if ((await reached(repository, digest, held)) !== undefined) return;
      }
      throw new Error("the blob was deleted again and again while it was taken in");
    },
    /** Gives `to` a blob that `from` has, or, without `from`, any repository. `false` when it is not there. */
    async mount(digest: Digest, to: RepositoryPath, from: RepositoryPath | undefined): Promise<boolean> {
      if (from !== undefined && (await reached(from, digest, held)) === undefined) return false;
      const source = from === undefined ? sharedBlobPath(layout, digest) : at(from, digest);
      if ((await files.link(source, at(to, digest))) === "absent") return false;
      return (await reached(to, digest, held)) !== undefined;
    },
    /** Takes the blob from the repository, and its bytes from the disk when it was the last one. `false` when absent. */
    async remove(repository: RepositoryPath, digest: Digest): Promise<boolean> {
      await bringBack(placeOf(layout, repository), "blob", digest);
      if (!(await files.remove(at(repository, digest)))) return false;
      const shared = sharedBlobPath(layout, digest);
      // A link made after this look keeps the bytes: only the name for newcomers goes.
      if ((await ifPresent(stat(shared)))?.nlink === 1) await files.remove(shared);
      return true;
    },
  };
}
