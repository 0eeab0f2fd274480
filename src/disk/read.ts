import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCodeOf, ifPresent } from "./fault.ts";
import { targetOf } from "./target.ts";

/** What was read from where somebody said. */
export interface NamedFile {
  readonly bytes: Buffer;
  /** Of the file (stat(2), `st_mode`). */
  readonly mode: number;
}

/**
 * Opens a regular file for reading; `undefined` when there is none. Links are not followed, and nothing else that has a name (a
 * device, a pipe) is read: for what may have come from somebody else. Throws what the file system says, `ELOOP` for a link and
 * `EFTYPE` for what is no file.
 */
export async function openRegular(path: string): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const file = await ifPresent(open(path, flags));
  if (file === undefined || (await file.stat()).isFile()) return file;
  await file.close();
  throw Object.assign(new Error("it is not a regular file"), { code: "EFTYPE" });
}

const piece = 64 * 1024;
/** Milliseconds that somebody who is to write into a pipe may take to open it, and between two looks. */
const writerWithin = 60_000;
const glance = 50;

/**
 * Reads a file that somebody named, or what a pipe brings: no more than so many bytes, for a device may give them without
 * end. Nothing in it blocks a thread, so that a process that waits for a pipe can be ended. Throws what the file system
 * says, `EFBIG` beyond the bound, and `ENXIO` for a pipe that nobody writes into within a minute.
 */
export async function readNamed(path: string, most: number): Promise<NamedFile> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const status = await file.stat();
    const isAwaited = status.isFIFO() && (await targetOf(path)).kind === "name";
    const bytes = await readOpened(file, {
      most,
      size: status.size,
      writerWithin: isAwaited ? writerWithin : 0,
    });
    return { bytes, mode: status.mode };
  } finally {
    await file.close();
  }
}

async function readOpened(
  file: FileHandle,
  bounds: { readonly most: number; readonly size: number; readonly writerWithin: number },
): Promise<Buffer> {
  const began = performance.now();
  const pieces: Buffer[] = [];
  for (let length = 0; ; ) {
    const wanted = Math.min(Math.max(piece, bounds.size - length), bounds.most + 1 - length);
    const read = await readSome(file, Buffer.allocUnsafe(wanted));
    const isEarly = length === 0 && bounds.writerWithin > 0;
    if (read?.length === 0 && !isEarly) return Buffer.concat(pieces, length);
    if (read !== undefined && read.length > 0) {
      pieces.push(read);
      length += read.length;
      if (length > bounds.most)
        throw Object.assign(new Error(`it has more than ${bounds.most} bytes`), { code: "EFBIG" });
      continue;
    }
    if (read !== undefined && performance.now() - began > bounds.writerWithin)
      throw Object.assign(new Error("nobody writes into it"), { code: "ENXIO" });
    await sleep(glance);
  }
}

/** @returns `undefined` when there is nothing yet: the other end of a pipe is open. */
async function readSome(file: FileHandle, buffer: Buffer): Promise<Buffer | undefined> {
  try {
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (errorCodeOf(error) === "EAGAIN") return undefined;
    throw error;
  }
}
