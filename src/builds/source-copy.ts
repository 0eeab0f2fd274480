import { constants } from "node:fs";
import { cp, lstat } from "node:fs/promises";
import { basename } from "node:path";
import { BuildError } from "./errors.ts";

/** What of a source folder its copy leaves out. */
export interface SourceCopyOptions {
  /** Everything named `.git` comes along, at any depth, a submodule's file among them. */
  readonly withGitDir: boolean;
  /** A folder that is not part of it, such as that of the records, absolute. */
  readonly leaveOut?: string;
  readonly signal?: AbortSignal;
}

/**
 * Copies a source folder into an empty one, as image-builder packs it: with what Git does not know, links as they are,
 * modes and times kept. Sockets, pipes and devices are left out. Where the file system can, no bytes are copied.
 * @throws {BuildError} `source-unreadable`, `disk-full`.
 */
export async function copySource(from: string, to: string, options: SourceCopyOptions): Promise<void> {
  try {
    await cp(from, to, {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
      filter: async (path) => {
        options.signal?.throwIfAborted();
        if (path === from) return true;
        if (!options.withGitDir && basename(path) === ".git") return false;
        if (path === options.leaveOut) return false;
        const status = await lstat(path);
        return status.isFile() || status.isDirectory() || status.isSymbolicLink();
      },
    });
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw copyFailure(cause, from);
  }
}

function copyFailure(cause: unknown, where: string): unknown {
  if (!(cause instanceof Error) || !("code" in cause)) return cause;
  if (cause.code === "ENOSPC") {
    return new BuildError("disk-full", "there is no space left to copy the source to", {
      where,
      hint: "make room, or name another folder for temporary files in TMPDIR",
      cause,
    });
  }
  return new BuildError("source-unreadable", `the source cannot be copied: ${cause.message}`, {
    where,
    cause,
  });
}
