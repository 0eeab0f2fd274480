import { type FileHandle, lstat, readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import {
  diskFaultOf,
  errorCodeOf,
  ifPresent,
  makeFolder as makeOnDisk,
  openRegular as openOnDisk,
} from "../../disk/index.ts";
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
  const entries = await onDisk(readdir(folder.path, { withFileTypes: true }), folder.path);
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Makes the folder and those above it. @throws {RegistryError} `storage`. */
export async function makeFolder(folder: GuardedFolder): Promise<void> {
  for (const path of parts(folder)) {
    if (!(await isFolder(path, path === folder.root))) await onDisk(makeOnDisk(path), path);
  }
}

function parts({ root, path }: GuardedFolder): string[] {
  const below = relative(root, path);
  const segments = below === "" ? [] : below.split(sep);
  return [root, ...segments.map((_, at) => join(root, ...segments.slice(0, at + 1)))];
}

async function isFolder(path: string, follow: boolean): Promise<boolean> {
  const found = await onDisk(ifPresent(follow ? stat(path) : lstat(path)), path);
  if (found === undefined || found.isDirectory()) return found !== undefined;
  const kind = found.isSymbolicLink() ? "a symbolic link" : "no folder";
  throw new RegistryError("storage", `expected a folder, found ${kind}`, {
    where: path,
    hint: "links are not followed in a folder that may come from elsewhere",
  });
}

/** Opens a regular file as `disk/` does. @throws {RegistryError} `storage`. */
export function openRegular(path: string): Promise<FileHandle | undefined> {
  return onDisk(openOnDisk(path), path);
}

/** Bytes of a regular file, or `undefined` when there is none. @throws {RegistryError} `storage`. */
export async function sizeOfRegular(path: string): Promise<number | undefined> {
  const found = await onDisk(ifPresent(lstat(path)), path);
  if (found === undefined) return undefined;
  if (found.isFile()) return found.size;
  throw new RegistryError("storage", "expected a regular file", { where: path });
}

/** What the file system refused, as an error of this room; an error of another kind stays what it is. */
export function storageFailure(error: unknown, where: string): Error {
  const isOther = error instanceof RegistryError || errorCodeOf(error) === undefined;
  if (error instanceof Error && isOther) return error;
  const { message, hint } = diskFaultOf(error);
  return new RegistryError("storage", message, { where, hint, cause: error });
}

/** What is done to the file system; what it refuses is thrown as {@link storageFailure}. */
export async function onDisk<Done>(work: Promise<Done>, where: string): Promise<Done> {
  try {
    return await work;
  } catch (error) {
    throw storageFailure(error, where);
  }
}
