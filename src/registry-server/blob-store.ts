import { type FileHandle, open, stat, utimes } from "node:fs/promises";
import { type DurableFiles, ifPresent } from "../disk/index.ts";
import type { Digest, RepositoryPath } from "../oci/index.ts";
import { bringBack } from "./aside.ts";
import { blobPath, type Layout, sharedBlobPath } from "./layout.ts";

/** The blobs of all repositories, to be shown. */
export interface BlobReader {
  /** Bytes of the blob, or `undefined` when the repository does not have it. */
  size(repository: RepositoryPath, digest: Digest): Promise<number | undefined>;
  /** The same; the blob stays for a while, because whoever is told of it may be about to refer to it. */
  hold(repository: RepositoryPath, digest: Digest): Promise<number | undefined>;
  /** The blob, open for reading; whoever asked closes it. */
  open(repository: RepositoryPath, digest: Digest): Promise<OpenBlob | undefined>;
}

/** The blobs of all repositories; every blob was hashed before it came in. */
export interface BlobStore extends BlobReader {
  /** Takes in the file at `path`, which is whole, flushed and hashed; the file itself stays where it is. */
  adopt(path: string, repository: RepositoryPath, digest: Digest): Promise<void>;
  /** Gives `to` a blob that `from` has, or, without `from`, any repository. `false` when it is not there. */
  mount(digest: Digest, to: RepositoryPath, from: RepositoryPath | undefined): Promise<boolean>;
  /** Takes the blob from the repository, and its bytes from the disk when it was the last one. `false` when absent. */
  remove(repository: RepositoryPath, digest: Digest): Promise<boolean>;
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

/** The {@link BlobStore} in the layout's folders. */
export function blobStore(layout: Layout, files: DurableFiles): BlobStore {
  /** What a repository has may have been set aside a moment ago. */
  async function reach<T>(repository: RepositoryPath, digest: Digest, work: (path: string) => Promise<T>) {
    const path = blobPath(layout, repository, digest);
    const found = await ifPresent(work(path));
    if (found !== undefined || !(await bringBack(layout, repository, "blob", digest))) return found;
    return ifPresent(work(path));
  }
  const held = async (path: string) => {
    const now = new Date();
    await utimes(path, now, now);
    return stat(path);
  };

  return {
    size: async (repository, digest) => (await reach(repository, digest, (path) => stat(path)))?.size,
    hold: async (repository, digest) => (await reach(repository, digest, held))?.size,
    async open(repository, digest) {
      const file = await reach(repository, digest, (path) => open(path, "r"));
      if (file === undefined) return undefined;
      return { file, size: (await file.stat()).size };
    },
    async adopt(path, repository, digest) {
      const shared = sharedBlobPath(layout, digest);
      for (let attempt = 1; attempt <= adoptAttempts; attempt += 1) {
        await files.link(path, shared);
        if ((await files.link(shared, blobPath(layout, repository, digest))) === "absent") continue;
        // The bytes may have come long ago, for somebody else.
        if ((await reach(repository, digest, held)) !== undefined) return;
      }
      throw new Error("the blob was deleted again and again while it was taken in");
    },
    async mount(digest, to, from) {
      if (from !== undefined && (await reach(from, digest, held)) === undefined) return false;
      const source = from === undefined ? sharedBlobPath(layout, digest) : blobPath(layout, from, digest);
      if ((await files.link(source, blobPath(layout, to, digest))) === "absent") return false;
      return (await reach(to, digest, held)) !== undefined;
    },
    async remove(repository, digest) {
      await bringBack(layout, repository, "blob", digest);
      if (!(await files.remove(blobPath(layout, repository, digest)))) return false;
      const shared = sharedBlobPath(layout, digest);
      // A link made after this look keeps the bytes: only the name for newcomers goes.
      if ((await ifPresent(stat(shared)))?.nlink === 1) await files.remove(shared);
      return true;
    },
  };
}
