import { type FileHandle, lstat, mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type Content,
  errorCodeOf,
  makeFolder,
  markedName,
  openRegular,
  readAt,
  replaceFile as replaceOnDisk,
  sweep,
} from "../../disk/index.ts";
import { recordFailure } from "../errors.ts";

/** Folder of a store for what is not finished: nothing below it is a record. */
export const unfinished = ".unfinished";

const draftMilliseconds = 60 * 60 * 1000;

/**
 * Puts bytes under a name at once: readers see what was there before, or all of it, also after a loss of power. Folders
 * on the way are made. @throws {RunError} `run-unwritable`.
 */
export async function replaceFile(store: string, path: string, content: Content): Promise<void> {
  const drafts = join(store, unfinished);
  const draft = join(drafts, markedName());
  try {
    await makeFolder(drafts);
    await makeFolder(dirname(path));
    await replaceOnDisk(path, content, { draft });
  } catch (error) {
    throw recordFailure(error, path);
  }
}

/** Removes what killed processes left half-made. What cannot be removed stays. @throws {RunError} `run-unwritable`. */
export async function sweepUnfinished(store: string): Promise<void> {
  const folder = join(store, unfinished);
  await sweep(folder, { owner: (name) => name, before: Date.now() - draftMilliseconds }).catch(
    (error: unknown) => {
      throw recordFailure(error, folder);
    },
  );
}

/** Opens a regular file for reading; `undefined` when there is none, or none that may be read: a record may come from anybody. */
export function openRecord(path: string): Promise<FileHandle | undefined> {
  return openRegular(path).catch(() => undefined);
}

/** The text of a small file, `undefined` when it is not there, is larger, or cannot be read. */
export async function readSmall(path: string, longest: number): Promise<string | undefined> {
  const handle = await openRecord(path);
  if (handle === undefined) return undefined;
  try {
    const enough = Math.min(longest, (await handle.stat()).size) + 1;
    const bytes = await readAt(handle, 0, enough);
    return bytes.length < enough ? bytes.toString() : undefined;
  } catch {
    return undefined;
  } finally {
    await handle.close();
  }
}

/** Whether this is a real folder, no link to one. */
export async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() === true;
}

/** Names of the real folders in a folder that pass; none when it is not there or cannot be read. */
export async function foldersIn(path: string, passes: (name: string) => boolean): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && passes(entry.name)).map(({ name }) => name);
}

/** Names of everything in a folder that pass; none when it is not there or cannot be read. */
export async function namesIn(path: string, passes: (name: string) => boolean): Promise<string[]> {
  return (await readdir(path).catch(() => [])).filter(passes);
}

/** Makes a folder that was not there; `false` when it was. Throws what else the file system says. */
export async function claimFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (errorCodeOf(error) === "EEXIST") return false;
    throw error;
  }
}
