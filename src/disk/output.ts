import { constants, fstat, open as openDescriptor, type Stats, write as writeSome } from "node:fs";
import { access, type FileHandle, open, readdir, readlink, stat } from "node:fs/promises";
import { connect, Socket } from "node:net";
import { sep } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type Content, startDraft } from "./draft.ts";
import { errorCodeOf, ifPresent } from "./fault.ts";
import { draftBeside, replaceFile } from "./replace.ts";
import { type OutputTarget, targetOf } from "./target.ts";

/** Something that somebody named to have a result written to. */
export interface Output {
  /** Where it goes, alike for all names of the same; `undefined` for a device, which takes any number of results. */
  readonly place: string | undefined;
  /** Writes the whole of it. Throws what the system says. */
  write(content: Content): Promise<void>;
}

/**
 * Finds out what a name stands for, and that it can be written to, before the work begins whose result it is for:
 *
 * - a regular file, or nothing: replaced in one step, so that nobody ever reads half of a result. Where its folder takes no
 *   new file, as where a file alone was mounted into a container, it is written in its place.
 * - a link: what it leads to; the link stays.
 * - a device, a pipe, a socket: opened and written to, never replaced.
 * - `/dev/stdout`, `/dev/fd/N`, a shell's `>(command)`: that descriptor of this process, from where it stands; `-` is
 *   standard output.
 *
 * Throws what the file system says.
 */
export async function openOutput(name: string): Promise<Output> {
  if (name.endsWith("/") || name.endsWith(sep)) throw isFolder();
  const target: OutputTarget =
    name === "-" ? { kind: "descriptor", number: 1, path: "/dev/stdout" } : await targetOf(name);
  return target.kind === "descriptor" ? descriptorOutput(target) : namedOutput(target.path);
}

async function namedOutput(path: string): Promise<Output> {
  const found = await ifPresent(stat(path));
  if (found === undefined || found.isFile()) return fileOutput(path, found !== undefined);
  if (found.isDirectory()) throw isFolder();
  await access(path, constants.W_OK);
  if (found.isFIFO()) return { place: path, write: (content) => writeToPipe(path, content) };
  if (found.isSocket()) return { place: path, write: (content) => writeToStream(connect(path), content) };
  // A device may be there and not answer, as `/dev/tty` without a terminal.
  await writing(path, deviceFlags | constants.O_NONBLOCK, []);
  return { place: undefined, write: (content) => writing(path, deviceFlags, content) };
}

function isFolder(): Error {
  return Object.assign(new Error("it is a folder"), { code: "EISDIR" });
}

/** What the system says where a folder takes no new file, or a file cannot be given another's name. */
const irreplaceable: ReadonlySet<string | undefined> = new Set([
  "EACCES",
  "EPERM",
  "EROFS",
  "EBUSY",
  "EXDEV",
]);

async function fileOutput(path: string, isThere: boolean): Promise<Output> {
  const inPlace = async (error: unknown, content?: Content): Promise<void> => {
    if (!isThere || !irreplaceable.has(errorCodeOf(error))) throw error;
    await access(path, constants.W_OK).catch(() => {
      throw error;
    });
    if (content !== undefined) await overwrite(path, content);
  };
  try {
    const draft = await startDraft(draftBeside(path));
    await draft.discard();
  } catch (error) {
    await inPlace(error);
    return { place: path, write: (content) => overwrite(path, content) };
  }
  return {
    place: path,
    async write(content) {
      // An old file may have to be written in its place after all.
      const kept = isThere ? repeatable(content) : content;
      await replaceFile(path, kept).catch((error) => inPlace(error, kept));
    },
  };
}

async function overwrite(path: string, content: Content): Promise<void> {
  await writing(path, constants.O_WRONLY | constants.O_TRUNC, content, (file) => file.sync());
}

const deviceFlags = constants.O_WRONLY | constants.O_NOCTTY;

async function writing(
  path: string,
  flags: number,
  content: Content,
  end?: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags);
  try {
    for (const part of partsOf(content)) await file.writeFile(part);
    await end?.(file);
  } finally {
    await file.close();
  }
}

/** Milliseconds that somebody who is to read from a pipe may take to open it, and between two looks. */
const readerWithin = 60_000;
const glance = 50;

/** Opening a pipe would wait for its reader, and nothing could end that: it is asked for until somebody reads. */
async function writeToPipe(path: string, content: Content, patience = readerWithin): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_NONBLOCK;
  const began = performance.now();
  for (;;) {
    try {
      const descriptor = await promisify(openDescriptor)(path, flags);
      return await writeToStream(socketOf(descriptor), content);
    } catch (error) {
      if (errorCodeOf(error) !== "ENXIO" || performance.now() - began >= patience) throw error;
    }
    await sleep(glance);
  }
}

async function descriptorOutput({ number, path }: OutputTarget & { kind: "descriptor" }): Promise<Output> {
  const found = await givenDescriptor(number);
  return { place: `descriptor ${number}`, write: writingTo(number, path, found) };
}

function writingTo(number: number, path: string, found: Stats): Output["write"] {
  if (found.isFile()) return (content) => writeOn(number, content);
  const standard = { 1: process.stdout, 2: process.stderr }[number];
  // What was printed before has to come before.
  if (standard !== undefined) return (content) => writeAfter(standard, content);
  // Whoever was to read it had it open before this process began.
  if (found.isFIFO()) return (content) => writeToPipe(path, content, 0);
  if (found.isSocket()) return (content) => writeToStream(socketOf(number), content);
  return (content) => writing(path, deviceFlags, content);
}

const write = promisify(writeSome);

async function writeOn(descriptor: number, content: Content): Promise<void> {
  for (const part of partsOf(content)) {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    for (let at = 0; at < bytes.length; ) {
      at += (await write(descriptor, bytes, at, bytes.length - at, null)).bytesWritten;
    }
  }
}

/** Owns the descriptor, and closes it. */
function socketOf(descriptor: number): Socket {
  return new Socket({ fd: descriptor, readable: false, writable: true });
}

function writeToStream(stream: Writable, content: Content): Promise<void> {
  return pipeline(Readable.from(partsOf(content)), stream);
}

async function writeAfter(stream: Writable, content: Content): Promise<void> {
  for (const part of partsOf(content)) {
    await new Promise<void>((resolve, reject) => {
      stream.write(part, (error) => (error ? reject(error) : resolve()));
    });
  }
}

function partsOf(content: Content): Iterable<string | Uint8Array> {
  return isWhole(content) ? [content] : content;
}

/** The same content, of which parts that come only once are kept. */
function repeatable(content: Content): Content {
  if (isWhole(content)) return content;
  const iterator: unknown = content[Symbol.iterator]();
  return iterator === content ? [...content] : content;
}

function isWhole(content: Content): content is string | Uint8Array {
  return typeof content === "string" || content instanceof Uint8Array;
}

/**
 * What a descriptor is open on that this process was given to write to. Throws `EBADF` for one that is not open for writing,
 * and for those that Node has opened for itself: what is written to them reaches nobody, or ends the process.
 */
async function givenDescriptor(number: number): Promise<Stats> {
  const found = await promisify(fstat)(number);
  // Nothing, sent to a socket, may be a message.
  if (found.isSocket()) return found;
  const isOurs = !(await takesWrites(number)) || (found.isFIFO() && (await isReadHere(number, found)));
  if (!isOurs) return found;
  throw Object.assign(new Error("it is not open for writing"), { code: "EBADF" });
}

/** Writes nothing: what is not open for writing refuses that, and so does what Node waits on for events. */
function takesWrites(descriptor: number): Promise<boolean> {
  return write(descriptor, new Uint8Array(), 0, 0, null).then(
    () => true,
    () => false,
  );
}

/** Whether this process has both ends of a pipe without a name, as Node's threads have of theirs. */
async function isReadHere(descriptor: number, pipe: Stats): Promise<boolean> {
  const name = await readlink(`/dev/fd/${descriptor}`).catch(() => undefined);
  if (name?.startsWith("/")) return false;
  for (const other of (await readdir("/dev/fd")).map(Number)) {
    const found = await promisify(fstat)(other).catch((error: unknown) => {
      // The one that the list was read from is closed by now.
      if (errorCodeOf(error) === "EBADF") return undefined;
      throw error;
    });
    const isSame = found?.isFIFO() && found.ino === pipe.ino && found.dev === pipe.dev;
    if (isSame && !(await takesWrites(other))) return true;
  }
  return false;
}
