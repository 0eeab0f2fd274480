import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { createHashCheckpoints, type Descriptor } from "../../oci/index.ts";
import type { RegistryError } from "../errors.ts";
import type { OpenOptions } from "../repository.ts";
import { vouchFor } from "../vouched.ts";
import { storageFailure } from "./files.ts";

/** Where in a file a blob is said to be, and who is told when its bytes are others. */
export interface FilePart {
  readonly handle: FileHandle;
  /** The offset of the blob's first byte. */
  readonly start: number;
  /** Called once when the stream is over, whatever came of it. */
  end(): Promise<void>;
  damage(code: "size-mismatch" | "digest-mismatch", message: string): RegistryError;
  readonly where: string;
}

const chunkBytes = 256 * 1024;

/** The bytes of a blob in a part of a file, hashed while they are read: the last ones are given only when all are known to be right. */
export function readVerified(
  { handle, start, end, damage, where }: FilePart,
  blob: Descriptor,
  { from = 0, checkpoints = createHashCheckpoints(blob.digest) }: OpenOptions = {},
): Readable {
  const { offset, hasher } = checkpoints.below(from);
  let position = offset;
  const check = (): void => {
    if (hasher.matches()) return;
    checkpoints.reset();
    throw damage("digest-mismatch", "the bytes of the file are not those of the blob");
  };
  const readOn = async (): Promise<Uint8Array | null> => {
    const began = position;
    if (began === blob.size) {
      if (blob.size === 0) check();
      return null;
    }
    const length = Math.min(chunkBytes, blob.size - began);
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, start + began);
    if (bytesRead === 0) throw damage("size-mismatch", `the file ends after ${began} bytes`);
    position += bytesRead;
    const chunk = buffer.subarray(0, bytesRead);
    hasher.update(chunk);
    if (position === blob.size) check();
    else checkpoints.record(position, hasher);
    return position > from ? chunk.subarray(Math.max(0, from - began)) : readOn();
  };
  const stream = new Readable({
    highWaterMark: chunkBytes,
    read() {
      readOn().then(
        (chunk) => this.push(chunk),
        (error) => this.destroy(storageFailure(error, where)),
      );
    },
    destroy(error, done) {
      end().then(
        () => done(error),
        () => done(error),
      );
    },
  });
  return vouchFor(stream, blob);
}
