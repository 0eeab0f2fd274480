import { constants } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import pLimit from "p-limit";
import {
  diskFaultOf,
  errorCodeOf,
  flushFolder,
  holdingLock,
  ifPresent,
  openRegular,
  readAt,
  writeAll,
} from "../disk/index.ts";
import { type FailureRecord, failureRecord, phrase } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import { type Descriptor, type Digest, digestHasher } from "../oci/index.ts";
import { AirGapError } from "./errors.ts";
import type { BundleEvent } from "./model.ts";
import { blobPath } from "./open.ts";
import { readTar, type TarEntry } from "./tar-read.ts";
import { endOfArchive, headOf, paddingOf } from "./tar-write.ts";

/** What a bundle's file is to hold, in this order. */
export interface FileContents {
  /** Files whose bytes are known: the list, and what says what the file is. */
  readonly first: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly blobs: readonly FileBlob[];
}

/** A blob of it, and where its bytes come from when no earlier file has them. */
export interface FileBlob {
  readonly blob: Descriptor;
  /** A stream that fails before its end when its bytes are not the blob's. */
  readonly open: () => Promise<Readable | Uint8Array>;
}

export interface FileOptions {
  readonly listener?: Listener<BundleEvent> | undefined;
  /** Once it is aborted no further blob is begun. */
  readonly signal?: AbortSignal | undefined;
}

/** What came of writing it. */
export interface WrittenFile {
  readonly bytes: number;
  /** Whether the file was there as it is to be. */
  readonly isOld: boolean;
  /** Bytes of blobs that were read from where they come from, and that an earlier file had. */
  readonly read: number;
  readonly reused: number;
}

/** Blobs that could not be read: the file is not made. */
export class UnreadBlobs extends Error {
  readonly failures: ReadonlyMap<Digest, FailureRecord>;

  constructor(failures: ReadonlyMap<Digest, FailureRecord>) {
    super("blobs could not be read");
    this.failures = failures;
  }
}

const blobsAtOnce = 8;
const chunkBytes = 1024 * 1024;

/**
 * Makes a tar archive of exactly these contents. Where everything will be is known before the first byte is read, so blobs are written
 * to their places side by side, and no copy of any is made. Until all is there the file is called `PATH.part`; whoever
 * runs again after a death goes on with it: what hashes right in it, or in an earlier file under the name, is not read again.
 * @throws {UnreadBlobs} when some could not be read; the others are kept for the next attempt.
 * @throws {AirGapError} `bundle-taken`, `bundle-busy`, `bundle-unwritable`.
 */
export async function writeFile(
  path: string,
  contents: FileContents,
  options: FileOptions = {},
): Promise<WrittenFile> {
  const failure = (cause: unknown): Error => {
    const isBusy = errorCodeOf(cause) === "ELOCKED";
    const { message, hint } = diskFaultOf(cause);
    return new AirGapError(isBusy ? "bundle-busy" : "bundle-unwritable", message, {
      where: path,
      hint,
      cause,
    });
  };
  return holdingLock(`${path}.lock`, () => write(path, layOut(contents), options).catch(translate(failure)), {
    failure,
    refusesLiving: true,
  });
}

function translate(failure: (cause: unknown) => Error) {
  return (error: unknown): never => {
    throw errorCodeOf(error) !== undefined && !(error instanceof AirGapError) ? failure(error) : error;
  };
}

/** A blob with its place in the file. */
interface Placed extends FileBlob {
  readonly start: number;
}

interface Layout {
  /** All that stands before the first blob: by it a file is known to be this one. */
  readonly beginning: Buffer;
  readonly blobs: readonly Placed[];
  /** The headers of the blobs, and where they are. */
  readonly heads: readonly { readonly at: number; readonly bytes: Buffer }[];
  readonly size: number;
}

function layOut({ first, blobs }: FileContents): Layout {
  const beginning = Buffer.concat(
    first.flatMap(({ name, bytes }) => [
      headOf(name, bytes.length),
      bytes,
      Buffer.alloc(paddingOf(bytes.length)),
    ]),
  );
  let at = beginning.length;
  const heads: { at: number; bytes: Buffer }[] = [];
  const placed = blobs.map((each): Placed => {
    const { digest, size } = each.blob;
    const bytes = headOf(blobPath(digest), size);
    heads.push({ at, bytes });
    const start = at + bytes.length;
    at = start + size + paddingOf(size);
    return { ...each, start };
  });
  return { beginning, blobs: placed, heads, size: at + endOfArchive.length };
}

async function write(path: string, layout: Layout, options: FileOptions): Promise<WrittenFile> {
  const part = `${path}.part`;
  const whole = await openDonor(path);
  if (whole !== undefined && (await isWhole(whole, layout))) {
    await whole.handle.close();
    return { bytes: layout.size, isOld: true, read: 0, reused: 0 };
  }
  const begun = await beginPart(path, part, layout);
  const names = (await readdir(dirname(path))).filter((name) => isLeftOver(name, basename(path)));
  const leftOvers = names.map((name) => join(dirname(path), name));
  const donors = (await Promise.all([whole, ...leftOvers.map(openDonor)])).filter(
    (each) => each !== undefined,
  );
  try {
    await demandRoom(begun, path, layout);
    const { read, reused, failures } = await fill(begun, donors, layout, options);
    options.signal?.throwIfAborted();
    if (failures.size > 0) throw new UnreadBlobs(failures);
    await begun.sync();
    await begun.close();
    await rename(part, path);
    await flushFolder(dirname(path));
    for (const each of leftOvers) await rm(each, { force: true });
    return { bytes: layout.size, isOld: false, read, reused };
  } finally {
    await begun.close().catch(() => undefined);
    for (const donor of donors) await donor.handle.close();
  }
}

/** An earlier file, whole or not, that may have some of the blobs. */
interface Donor {
  readonly handle: FileHandle;
  readonly entries: ReadonlyMap<string, TarEntry>;
}

/** @throws {AirGapError} `bundle-taken` when what has the name is no bundle. */
async function openDonor(path: string): Promise<Donor | undefined> {
  const found = await ifPresent(stat(path));
  if (found === undefined) return undefined;
  const taken = (): AirGapError =>
    new AirGapError("bundle-taken", "something that is no bundle has this name", {
      where: path,
      hint: "name another file, or remove this one",
    });
  if (!found.isFile()) throw taken();
  const handle = await openRegular(path);
  if (handle === undefined) return undefined;
  try {
    const entries = await readTar(handle, path);
    if (!entries.has("index.json")) throw taken();
    return { handle, entries };
  } catch (error) {
    await handle.close();
    if (error instanceof AirGapError) throw taken();
    throw error;
  }
}

async function isWhole({ handle }: Donor, layout: Layout): Promise<boolean> {
  const { size } = await handle.stat();
  if (size !== layout.size || !(await beginsAs(handle, layout))) return false;
  const sound = await pLimit(blobsAtOnce).map(layout.blobs, ({ blob, start }) =>
    isSound(handle, blob, start),
  );
  return sound.every(Boolean);
}

async function beginsAs(handle: FileHandle, { beginning }: Layout): Promise<boolean> {
  return (await readAt(handle, 0, beginning.length)).equals(beginning);
}

/** The part of an earlier attempt at the same file, or a new one, with all headers: it can be read as an archive from now on. */
async function beginPart(path: string, part: string, layout: Layout): Promise<FileHandle> {
  const old = await openRegular(part);
  const isSame = old !== undefined && (await beginsAs(old, layout));
  await old?.close();
  // What was begun of another file still has blobs that need not be read again.
  if (old !== undefined && !isSame) {
    const names = new Set(await readdir(dirname(path)));
    for (let number = 1; ; number += 1) {
      const name = `${path}.part.${number}`;
      if (names.has(basename(name))) continue;
      await rename(part, name);
      break;
    }
  }
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  const handle = await open(part, flags, 0o666);
  try {
    // What lies behind is not of this file.
    await handle.truncate(Math.min((await handle.stat()).size, layout.size));
    await writeAll(handle, layout.beginning, 0);
    for (const { at, bytes } of layout.heads) await writeAll(handle, bytes, at);
    await writeAll(handle, endOfArchive, layout.size - endOfArchive.length);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function isLeftOver(name: string, file: string): boolean {
  return name.startsWith(`${file}.part.`) && /^\d+$/.test(name.slice(`${file}.part.`.length));
}

/** Refuses what cannot fit before an hour is spent on it, where the file system says how much room there is. */
async function demandRoom(part: FileHandle, path: string, layout: Layout): Promise<void> {
  const { blocks } = await part.stat();
  const room = await statfs(dirname(path)).catch(() => undefined);
  if (room === undefined || room.blocks === 0) return;
  const lacking = layout.size - blocks * 512 - room.bavail * room.bsize;
  if (lacking <= 0) return;
  throw new AirGapError(
    "bundle-unwritable",
    phrase`the file will have ${layout.size} bytes, and ${lacking} too few are free`,
    { where: path, hint: "make room, or select fewer images" },
  );
}

interface Filled {
  readonly read: number;
  readonly reused: number;
  readonly failures: ReadonlyMap<Digest, FailureRecord>;
}

async function fill(
  part: FileHandle,
  donors: readonly Donor[],
  { blobs }: Layout,
  { listener, signal }: FileOptions,
): Promise<Filled> {
  const failures = new Map<Digest, FailureRecord>();
  let read = 0;
  let reused = 0;
  await pLimit(blobsAtOnce).map(blobs, async ({ blob, start, open: openSource }) => {
    if (signal?.aborted) return;
    const isThere = (await isSound(part, blob, start)) || (await takeOver(part, donors, blob, start));
    if (isThere) reused += blob.size;
    else {
      try {
        await copyInto(part, start, blob, await openSource());
        read += blob.size;
      } catch (error) {
        if (isOfDisk(error)) throw error;
        failures.set(blob.digest, failureRecord(error));
        return;
      }
    }
    listener?.({ type: "written", digest: blob.digest, bytes: blob.size });
  });
  return { read, reused, failures };
}

/** Whether the disk failed that is written to, and not where the bytes come from. */
function isOfDisk(error: unknown): boolean {
  return error instanceof AirGapError && error.code === "bundle-unwritable";
}

async function copyInto(
  part: FileHandle,
  start: number,
  blob: Descriptor,
  content: Readable | Uint8Array,
): Promise<void> {
  let at = start;
  const chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array> =
    content instanceof Uint8Array ? [content] : content;
  for await (const chunk of chunks) {
    if (at - start + chunk.length > blob.size) throw new RangeError("a blob that is longer than it says");
    await writeAll(part, chunk, at).catch((cause: unknown) => {
      const { message, hint } = diskFaultOf(cause);
      throw new AirGapError("bundle-unwritable", message, { hint, cause });
    });
    at += chunk.length;
  }
}

async function takeOver(
  part: FileHandle,
  donors: readonly Donor[],
  blob: Descriptor,
  start: number,
): Promise<boolean> {
  for (const { handle, entries } of donors) {
    const found = entries.get(blobPath(blob.digest));
    if (found?.size !== blob.size || !(await isSound(handle, blob, found.start))) continue;
    for (let at = 0; at < blob.size; at += chunkBytes) {
      const bytes = await readAt(handle, found.start + at, Math.min(chunkBytes, blob.size - at));
      await writeAll(part, bytes, start + at);
    }
    // It may have changed between the two readings.
    if (await isSound(part, blob, start)) return true;
  }
  return false;
}

/** Whether the bytes at that place are the blob's: reads all of them, unless they begin with what nothing was written to. */
async function isSound(file: FileHandle, blob: Descriptor, start: number): Promise<boolean> {
  const hasher = digestHasher(blob.digest);
  for (let at = 0; at < blob.size; at += chunkBytes) {
    const bytes = await readAt(file, start + at, Math.min(chunkBytes, blob.size - at));
    const isHole = at === 0 && blob.size > chunkBytes && bytes.every((byte) => byte === 0);
    if (bytes.length === 0 || isHole) return false;
    hasher.update(bytes);
  }
  return hasher.matches();
}
