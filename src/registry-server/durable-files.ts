import { randomUUID } from "node:crypto";
import { link, mkdir, open, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

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
      const draft = join(temporary, randomUUID());
      try {
        await writeFlushed(draft, content);
        await withFolder(path, () => rename(draft, path));
      } catch (thrown) {
        await rm(draft, { force: true }).catch(() => undefined);
        throw thrown;
      }
      await flushFolder(dirname(path));
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
  return thrown instanceof Error && "code" in thrown && thrown.code === code;
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

/** Makes the bytes of a file outlive a crash. */
export async function flushFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeFlushed(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
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

/** Makes a folder with those above it, so that it outlives a crash. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made !== dirname(first); made = dirname(made)) await flushFolder(dirname(made));
}

async function flushFolder(path: string): Promise<void> {
  // Windows cannot open a folder to flush it, and keeps names in a journal of its own.
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
