import { join } from "node:path";
import type { Readable } from "node:stream";
import type { DurableFiles } from "../../disk/index.ts";
import { type Phrase, phrase } from "../../errors/index.ts";
import { algorithmOf, type Descriptor, type Digest, digestHasher, hexOf } from "../../oci/index.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import type { OpenOptions } from "../repository.ts";
import {
  folderExists,
  type GuardedFolder,
  makeFolder,
  onDisk,
  openRegular,
  sizeOfRegular,
  within,
} from "./files.ts";
import { readVerified } from "./verified-file.ts";

type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** The content-addressed files of an image layout: `blobs/<algorithm>/<hex>`. */
export type LayoutBlobs = ReturnType<typeof openBlobs>;

interface SoundBlobs {
  isSound(blob: Descriptor): Promise<boolean>;
  pathOf(digest: Digest): string;
}

/** The blobs of a layout, which `files` writes. */
export function openBlobs(layout: GuardedFolder, files: DurableFiles) {
  const folderOf = (digest: Digest) => within(layout, "blobs", algorithmOf(digest));
  const pathOf = (digest: Digest) => join(folderOf(digest).path, hexOf(digest));
  const where = (blob: Descriptor) => `oci:${layout.path}@${blob.digest}`;

  const open = async (blob: Descriptor, options: OpenOptions = {}): Promise<Readable | undefined> => {
    if (!(await folderExists(folderOf(blob.digest)))) return undefined;
    const handle = await openRegular(pathOf(blob.digest));
    if (handle === undefined) return undefined;
    const damage = (code: "size-mismatch" | "digest-mismatch", message: string) =>
      new RegistryError(code, message, {
        where: where(blob),
        hint: phrase`delete ${pathOf(blob.digest)} and copy the image to this folder again`,
      });
    const { size } = await handle.stat();
    if (size !== blob.size) {
      await handle.close();
      throw damage("size-mismatch", `the file has ${size} bytes, the blob has ${blob.size}`);
    }
    const part = { handle, start: 0, end: () => handle.close(), damage, where: where(blob) };
    return readVerified(part, blob, options);
  };

  /** Whether the file is there and its bytes are the blob's: reads all of it. */
  const isSound = async (blob: Descriptor): Promise<boolean> => {
    try {
      const stream = await open(blob);
      if (stream === undefined) return false;
      for await (const _ of stream);
      return true;
    } catch (error) {
      const code = error instanceof RegistryError ? error.code : undefined;
      if (code === "size-mismatch" || code === "digest-mismatch") return false;
      throw error;
    }
  };

  return {
    pathOf,
    /** The bytes, hashed while they are read; `undefined` when there is no such file. */
    open,
    isSound,
    /** Whether a file of the right size is there: one of another size is not the blob. */
    async has(blob: Descriptor): Promise<boolean> {
      if (!(await folderExists(folderOf(blob.digest)))) return false;
      return (await sizeOfRegular(pathOf(blob.digest))) === blob.size;
    },
    /** Whether the file can be opened, and has the right size. @throws {RegistryError} `size-mismatch` when it has not. */
    async probe(blob: Descriptor): Promise<"read" | "absent"> {
      const stream = await open(blob);
      stream?.destroy();
      return stream === undefined ? "absent" : "read";
    },
    /** Writes the blob; it becomes visible when all bytes are on the disk and have been hashed. */
    async write(blob: Descriptor, content: () => Promise<Content>): Promise<void> {
      await makeFolder(folderOf(blob.digest));
      const chunks = await content();
      const draft = await onDisk(files.begin(), layout.path);
      try {
        const hasher = digestHasher(blob.digest);
        let size = 0;
        for await (const chunk of chunks) {
          size += chunk.length;
          if (size > blob.size) break;
          hasher.update(chunk);
          await onDisk(draft.write(chunk), layout.path);
        }
        checkReceived(blob, size, hasher.matches(), where(blob));
        await onDisk(draft.keepAs(pathOf(blob.digest)), pathOf(blob.digest));
      } finally {
        await draft.discard();
      }
    },
    /**
     * Takes the blob over from another layout as a second name of the same file; false when that cannot be.
     * @param other The blobs of that layout.
     */
    async linkFrom(other: SoundBlobs, blob: Descriptor): Promise<boolean> {
      if (!(await other.isSound(blob))) return false;
      await makeFolder(folderOf(blob.digest));
      // A file that has the name is not the blob, and is written over where bytes are written.
      const outcome = await files.link(other.pathOf(blob.digest), pathOf(blob.digest)).catch(() => undefined);
      return outcome === "linked";
    },
  };
}

function checkReceived(blob: Descriptor, size: number, matches: boolean, where: string): void {
  const refuse = (code: RegistryErrorCode, message: string | Phrase) =>
    new RegistryError(code, message, { where });
  if (size < blob.size) throw refuse("truncated", phrase`the blob ended after ${size} of ${blob.size} bytes`);
  if (size > blob.size) {
    throw refuse("size-mismatch", phrase`the blob has more than the ${blob.size} bytes it should have`);
  }
  if (!matches) throw refuse("digest-mismatch", "the bytes that came are not those of the blob");
}
