import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import {
  diskFaultOf,
  flushFolder,
  makeFolder as makeOnDisk,
  startDraft as startOnDisk,
} from "../../disk/index.ts";
import { isKnownToHaveEnded, processMark } from "../../process/index.ts";
import { RegistryError } from "../errors.ts";

/**
 * A folder below `root`. What the user named, the root, is followed wherever it leads; what lies below may have come
 * with the folder from somebody else, so every part of it must be a real folder or a regular file, never a link.
 */
export interface GuardedFolder {
  readonly root: string;
  readonly path: string;
}

/** A folder within a guarded one. */
export function within(folder: GuardedFolder, ...segments: string[]): GuardedFolder {
  return { root: folder.root, path: join(folder.path, ...segments) };
}

/** Whether the folder is there. @throws {RegistryError} `storage` when it, or one above it, is a link or a file. */
export async function folderExists(folder: GuardedFolder): Promise<boolean> {
  for (const path of parts(folder)) {
    if (!(await isFolder(path, path === folder.root))) return false;
  }
  return true;
}

/** Names of the real folders in a folder, sorted; none when it is not there. @throws {RegistryError} `storage`. */
export async function subfolders(folder: GuardedFolder): Promise<string[]> {
  if (!(await folderExists(folder))) return [];
  const entries = await readdir(folder.path, { withFileTypes: true }).catch((error) => {
    throw storageFailure(error, folder.path);
  });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Makes the folder and those above it. @throws {RegistryError} `storage`. */
export async function makeFolder(folder: GuardedFolder): Promise<void> {
  for (const path of parts(folder)) {
    if (await isFolder(path, path === folder.root)) continue;
    await makeOnDisk(path).catch((error) => {
      throw storageFailure(error, path);
    });
  }
}

/** The root and every folder on the way to `path`, from above. */
function parts({ root, path }: GuardedFolder): string[] {
  const below = relative(root, path);
  const segments = below === "" ? [] : below.split(sep);
  return [root, ...segments.map((_, at) => join(root, ...segments.slice(0, at + 1)))];
}

async function isFolder(path: string, follow: boolean): Promise<boolean> {
  const found = await (follow ? stat(path) : lstat(path)).catch((error) => {
    if (isAbsence(error)) return undefined;
    throw storageFailure(error, path);
  });
  if (found === undefined || found.isDirectory()) return found !== undefined;
  const kind = found.isSymbolicLink() ? "a symbolic link" : "no folder";
  throw new RegistryError("storage", `expected a folder, found ${kind}`, {
    where: path,
    hint: "links are not followed in a folder that may come from elsewhere",
  });
}

/**
 * Opens a regular file for reading, or gives `undefined` when there is none. Links are not followed, and nothing else
 * that has a name (a device, a pipe) is opened. @throws {RegistryError} `storage`.
 */
export async function openRegular(path: string): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw storageFailure(error, path);
  }
  const isFile = await handle.stat().then((found) => found.isFile());
  if (isFile) return handle;
  await handle.close();
  throw new RegistryError("storage", "expected a regular file", { where: path });
}

/** Bytes of a regular file, or `undefined` when there is none. @throws {RegistryError} `storage`. */
export async function sizeOfRegular(path: string): Promise<number | undefined> {
  const found = await lstat(path).catch((error) => {
    if (isAbsence(error)) return undefined;
    throw storageFailure(error, path);
  });
  if (found === undefined) return undefined;
  if (found.isFile()) return found.size;
  throw new RegistryError("storage", "expected a regular file", { where: path });
}

/** A file under construction: nobody sees it before it is kept. */
export interface Draft {
  readonly path: string;
  write(chunk: Uint8Array): Promise<void>;
  /** Everything that was written reaches the disk, then the file takes its name, which may have been another's. */
  keepAs(path: string): Promise<void>;
  /** Ends the construction: what was not kept is gone. */
  discard(): Promise<void>;
}

/** Starts a file in a folder for drafts. @throws {RegistryError} `storage`, as its methods do. */
export async function startDraft(drafts: GuardedFolder): Promise<Draft> {
  const path = join(drafts.path, draftName());
  const draft = await startOnDisk(path).catch((error) => {
    throw storageFailure(error, path);
  });
  return {
    path,
    async write(chunk) {
      await draft.write(chunk).catch((error) => {
        throw storageFailure(error, dirname(drafts.path));
      });
    },
    async keepAs(target) {
      await draft.keepAs(target).catch((error) => {
        throw storageFailure(error, target);
      });
    },
    discard: draft.discard,
  };
}

/** A name for something in the folder for drafts: it says which process it belongs to. */
function draftName(): string {
  return `${processMark()}.${randomBytes(8).toString("hex")}`;
}

/** Puts bytes under a name at once: readers see what was there before, or all of it. @throws {RegistryError} `storage`. */
export async function replaceFile(drafts: GuardedFolder, path: string, bytes: Uint8Array): Promise<void> {
  const draft = await startDraft(drafts);
  try {
    await draft.write(bytes);
    await draft.keepAs(path);
  } finally {
    await draft.discard();
  }
}

/**
 * Gives a file a second name, in place of what had that name. False where the file system, or two of them, cannot do
 * that. @throws {RegistryError} `storage`.
 */
export async function linkFile(drafts: GuardedFolder, from: string, to: string): Promise<boolean> {
  const aside = join(drafts.path, draftName());
  const linked = await link(from, aside).then(
    () => true,
    () => false,
  );
  if (!linked) return false;
  try {
    await rename(aside, to);
  } catch (error) {
    throw storageFailure(error, to);
  } finally {
    // Still there when both were names of the same file, which renaming leaves as they are.
    await rm(aside, { force: true });
  }
  await flushFolder(dirname(to)).catch((error) => {
    throw storageFailure(error, dirname(to));
  });
  return true;
}

/** Longest life of a draft whose process is not known to have ended. */
const draftMilliseconds = 24 * 60 * 60 * 1000;

/** Removes the drafts that killed processes left. */
export async function sweepDrafts(drafts: GuardedFolder): Promise<void> {
  for (const name of await readdir(drafts.path)) {
    const path = join(drafts.path, name);
    const [, owned] = /^(?:lock\.)?([0-9]+-[0-9a-f]{12}\.[0-9a-f]{16})$/.exec(name) ?? [];
    const found = await lstat(path).catch(() => undefined);
    if (owned === undefined || found === undefined) continue;
    const isOld = found.mtimeMs < Date.now() - draftMilliseconds;
    if (isOld || isKnownToHaveEnded(owned)) await rm(path, { force: true });
  }
}

/** The code of a system error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

function isAbsence(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** What the file system refused, as an error of this room; an error of another kind stays what it is. */
export function storageFailure(error: unknown, where: string): Error {
  const code = errorCode(error);
  if (error instanceof Error && (error instanceof RegistryError || code === undefined)) return error;
  const { message, hint } =
    code === "ELOCKED"
      ? {
          message: "another process does not release its lock",
          hint: "end that process; if there is none, delete the file",
        }
      : (diskFaultOf(error) ?? { message: `the file system failed: ${code}`, hint: undefined });
  return new RegistryError("storage", message, { where, hint, cause: error });
}
