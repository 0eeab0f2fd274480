import type { Stats } from "node:fs";
import { type FileHandle, open, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { flushFolder } from "./flush.ts";

/** The bytes of a file, or its text in parts. */
export type Content = string | Uint8Array | Iterable<string>;

/** A file under construction: it has the name that it is to have once it is whole, and not before. */
export type Draft = Awaited<ReturnType<typeof startDraft>>;

/** Begins a file at a path that nothing has. The draft and its methods throw what the file system says. */
export async function startDraft(path: string, mode?: number) {
  const file = await open(path, "wx", mode);
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    await file.close();
  };
  const flush = async (): Promise<void> => {
    if (isOpen) await file.sync();
    await close();
  };
  return {
    path,
    async write(content: Content): Promise<void> {
      if (content instanceof Uint8Array) await writeAll(file, content);
      else await writeFile(file, content, "utf8");
    },
    /** Gives it what the old file has: its mode and, as far as this user may, its owner. */
    async inherit({ mode, uid, gid }: Pick<Stats, "mode" | "uid" | "gid">): Promise<void> {
      const made = await file.stat();
      if (made.uid !== uid || made.gid !== gid) await give(file, uid, gid);
      await file.chmod(mode & 0o7777);
    },
    /** Everything that was written reaches the disk. */
    flush,
    /** The same; then the file takes its name, which may have been another's, and that outlives a crash as well. */
    async keepAs(target: string): Promise<void> {
      await flush();
      await rename(path, target);
      await flushFolder(dirname(target));
    },
    /** Ends the construction: what was not kept is gone. Never throws. */
    async discard(): Promise<void> {
      await close().catch(() => undefined);
      await rm(path, { force: true }).catch(() => undefined);
    },
  };
}

/**
 * Writes all bytes: the system may take a part of them at a time.
 * @param position Where in the file; without it where it stands.
 */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const place = position === undefined ? undefined : position + at;
    at += (await file.write(bytes, at, undefined, place)).bytesWritten;
  }
}

/** To the owner and the group, or to the group alone: only the system's administrator may give files away. */
async function give(file: FileHandle, uid: number, gid: number): Promise<void> {
  await file.chown(uid, gid).catch(async () => {
    const { uid: own } = await file.stat();
    await file.chown(own, gid).catch(() => undefined);
  });
}
