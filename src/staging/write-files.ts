import { lstat } from "node:fs/promises";
import { createFiles, diskFaultOf, errorCodeOf, type NewFile } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { StagingError } from "./errors.ts";

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
  try {
    await createFiles(files);
  } catch (cause) {
    throw failure(cause, files);
  }
}

function failure(cause: unknown, files: readonly NewFile[]): Error {
  const { path, dest } = cause as NodeJS.ErrnoException & { readonly dest?: string };
  const taken = files.find((file) => file.path === dest || file.path === path);
  if (errorCodeOf(cause) === "EEXIST" && taken !== undefined) return alreadyThere(taken.path);
  const { message, hint } = diskFaultOf(cause) ?? { message: messageOf(cause), hint: undefined };
  const where = dest ?? path;
  return new StagingError("write-failed", `the project could not be written: ${message}`, {
    where,
    hint,
    cause,
  });
}

function alreadyThere(path: string): StagingError {
  return new StagingError("already-there", "the project has this file already", {
    where: path,
    hint: "nothing is written over; choose another name, or edit the file",
  });
}
