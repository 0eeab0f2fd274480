import { randomUUID } from "node:crypto";
import { link, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCodeOf, flushFolder, makeFolder, replaceFile } from "../disk/index.ts";

/**
 * Changes to a folder that are there whole or not at all, and that outlive a crash of the process or the machine once
 * their promise resolves: contents are flushed before they get their name, and the folder after it.
 */
export interface DurableFiles {
  /** Gives `path` the content, in place of whatever had that name. Readers see the old content or the new. */
  replace(path: string, content: string | Uint8Array): Promise<void>;
  /** Gives the file at `existing` a second name (a hard link). `"absent"` when there is no such file. */
  link(existing: string, path: string): Promise<"linked" | "present" | "absent">;
  /** Takes the name away. `false` when nothing had it. */
  remove(path: string): Promise<boolean>;
}

/** {@link DurableFiles} that keeps unfinished content in `temporary`, a folder on the same file system. */
export function durableFiles(temporary: string): DurableFiles {
  return {
    async replace(path, content) {
      await withFolder(path, () => replaceFile(path, content, { draft: join(temporary, randomUUID()) }));
    },
    async link(existing, path) {
      try {
        if ((await ifPresent(stat(existing))) === undefined) return "absent";
        await withFolder(path, () => link(existing, path));
      } catch (thrown) {
        if (hasCode(thrown, "EEXIST")) return "present";
        if (hasCode(thrown, "ENOENT")) return "absent";
        throw thrown;
      }
      await flushFolder(dirname(path));
      return "linked";
    },
    async remove(path) {
      try {
        await unlink(path);
      } catch (thrown) {
        if (hasCode(thrown, "ENOENT")) return false;
        throw thrown;
      }
      await flushFolder(dirname(path));
      return true;
    },
  };
}

/** Whether it is a failure of the operating system with this code, such as `ENOENT`. */
export function hasCode(thrown: unknown, code: string): boolean {
  return errorCodeOf(thrown) === code;
}

/** The answer of a reading call, or `undefined` when the file or folder it reads is not there. */
export async function ifPresent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (thrown) {
    if (hasCode(thrown, "ENOENT") || hasCode(thrown, "ENOTDIR")) return undefined;
    throw thrown;
  }
}

/** Does the work; when the folder of `path` is missing, makes it and does the work again. */
async function withFolder(path: string, work: () => Promise<void>): Promise<void> {
  try {
    return await work();
  } catch (thrown) {
    if (!hasCode(thrown, "ENOENT")) throw thrown;
  }
  await makeFolder(dirname(path));
  return work();
}
