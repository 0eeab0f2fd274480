import { lstat, mkdir, open, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { StagingError } from "./errors.ts";

/** A file that is to be there. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
}

/** @throws {StagingError} `already-there` when one of the files is. */
export async function refusePresent(files: readonly NewFile[]): Promise<void> {
  for (const { path } of files) {
    const found = await lstat(path).catch(() => undefined);
    if (found !== undefined) throw alreadyThere(path);
  }
}

/**
 * Writes new files in their order, none over another one. When one cannot be written, those before it are removed, with
 * the folders that were made for them.
 * @throws {StagingError} `already-there`, `write-failed`.
 */
export async function writeNewFiles(files: readonly NewFile[]): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  try {
    for (const { path, text } of files) {
      const first = await mkdir(dirname(path), { recursive: true });
      if (first !== undefined) undo.unshift(() => removeEmpty(dirname(path), first));
      const file = await open(path, "wx");
      undo.unshift(() => rm(path, { force: true }));
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
    }
  } catch (cause) {
    for (const step of undo) await step();
    throw failure(cause, files);
  }
}

/** Removes a folder and those above it up to another one, as long as nobody has put anything there. */
async function removeEmpty(folder: string, last: string): Promise<void> {
  for (let at = folder; ; at = dirname(at)) {
    const isGone = await rmdir(at).then(
      () => true,
      () => false,
    );
    if (!isGone || at === last) return;
  }
}

function failure(cause: unknown, files: readonly NewFile[]): Error {
  const { code, path } = cause as NodeJS.ErrnoException;
  if (code === "EEXIST" && files.some((file) => file.path === path)) return alreadyThere(String(path));
  const why = code === "ENOSPC" ? "the disk is full" : cause instanceof Error ? cause.message : String(cause);
  return new StagingError("write-failed", `the project could not be written: ${why}`, {
    ...(path === undefined ? {} : { where: path }),
    cause,
  });
}

function alreadyThere(path: string): StagingError {
  return new StagingError("already-there", "the project has this file already", {
    where: path,
    hint: "nothing is written over; choose another name, or edit the file",
  });
}
