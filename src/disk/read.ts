import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
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
  throw notRegular();
}

function notRegular(): Error {
  return Object.assign(new Error("it is not a regular file"), { code: "EFTYPE" });
}

/** The bytes at a place of a file, so many of them; fewer only at its end. Throws what the file system says. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(buffer, at, length - at, position + at);
    if (bytesRead === 0) return buffer.subarray(0, at);
    at += bytesRead;
  }
  return buffer;
}

const piece = 64 * 1024;
/** No pipe is waited for. */
const readingFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
/** Milliseconds that somebody who is to write into a pipe may take to open it, and between two looks. */
const writerWithin = 60_000;
const glance = 50;

/**
 * Reads a file that somebody named, or what a pipe brings: no more than so many bytes, for a device may give them without
 * end. Nothing in it blocks a thread, so that a process that waits for a pipe can be ended. Throws what the file system
 * says, `EFBIG` beyond the bound, and `ENXIO` for a pipe that nobody writes into within a minute.
 */
export function readNamed(path: string, most: number): Promise<NamedFile> {
  return readWhole(path, most, () => {});
}

/**
 * Reads a regular file, links followed: no more than so many bytes, and nothing else that has the name, which is never waited for.
 * Throws what the file system says, `EFBIG` beyond the bound and `EFTYPE` for what is no file.
 */
export async function readRegular(path: string, most: number): Promise<Buffer> {
  const { bytes } = await readWhole(path, most, ({ isRegular }) => {
    if (!isRegular) throw notRegular();
  });
  return bytes;
}

/** The same for who cannot wait. */
export function readRegularSync(path: string, most: number): Buffer {
  const descriptor = openSync(path, readingFlags);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw notRegular();
    // The size is what it was a moment ago, and none where the system makes the content as it is read.
    const pieces: Buffer[] = [];
    for (let length = 0; ; ) {
      const buffer = Buffer.allocUnsafe(sizeOfPiece(status.size, length, most));
      const read = buffer.subarray(0, readSync(descriptor, buffer));
      if (read.length === 0) return Buffer.concat(pieces);
      length += read.length;
      if (length > most) throw tooLong(most);
      pieces.push(read);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** @param check Given what was opened, before anything of it is read. */
async function readWhole(path: string, most: number, check: (opened: Opened) => void): Promise<NamedFile> {
  const opened = await openNamed(path);
  try {
    check(opened);
    const pieces: Buffer[] = [];
    for await (const bytes of readOpened({ ...opened, most })) pieces.push(bytes);
    return { bytes: Buffer.concat(pieces), mode: opened.mode };
  } finally {
    await opened.file.close();
  }
}

/** The same in pieces, whatever there is: nothing is kept, and nothing is read ahead of whoever takes them. */
export async function* readNamedInPieces(path: string): AsyncGenerator<Buffer> {
  const opened = await openNamed(path);
  try {
    yield* readOpened({ ...opened, size: 0, most: Number.POSITIVE_INFINITY });
  } finally {
    await opened.file.close();
  }
}

interface Opened {
  readonly file: FileHandle;
  readonly isRegular: boolean;
  readonly mode: number;
  readonly size: number;
  /** Milliseconds that whoever is to write into it may take to begin. */
  readonly patience: number;
}

async function openNamed(path: string): Promise<Opened> {
  const file = await open(path, readingFlags);
  try {
    const status = await file.stat();
    const isAwaited = status.isFIFO() && (await targetOf(path)).kind === "name";
    const { mode, size } = status;
    return { file, isRegular: status.isFile(), mode, size, patience: isAwaited ? writerWithin : 0 };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function* readOpened({
  file,
  size,
  patience,
  most,
}: Opened & { readonly most: number }): AsyncGenerator<Buffer> {
  const began = performance.now();
  for (let length = 0; ; ) {
    const read = await readSome(file, Buffer.allocUnsafe(sizeOfPiece(size, length, most)));
    const isEarly = length === 0 && patience > 0;
    if (read?.length === 0 && !isEarly) return;
    if (read !== undefined && read.length > 0) {
      length += read.length;
      if (length > most) throw tooLong(most);
      yield read;
      continue;
    }
    if (read !== undefined && performance.now() - began > patience)
      throw Object.assign(new Error("nobody writes into it"), { code: "ENXIO" });
    await sleep(glance);
  }
}

/** Bytes to ask for next: one more than there may be, where that is near. */
function sizeOfPiece(size: number, length: number, most: number): number {
  return Math.min(Math.max(piece, size - length), most + 1 - length);
}

function tooLong(most: number): Error {
  return Object.assign(new Error(`it has more than ${most} bytes`), { code: "EFBIG" });
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
