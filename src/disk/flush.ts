import { mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCodeOf } from "./fault.ts";

/** Makes the bytes of a file outlive a crash. Throws what the file system says. */
export async function flushFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What file systems say that cannot flush a folder, and of one that may be written and not read. */
const unflushable: ReadonlySet<string | undefined> = new Set(["EINVAL", "ENOTSUP", "EACCES", "EPERM"]);

/**
 * Makes new and changed names in a folder outlive a crash, where the system can: the bytes are safe either way. Throws
 * what the file system says when it could not.
 */
export async function flushFolder(path: string): Promise<void> {
  // Windows cannot open a folder to flush it, and keeps names in a journal of its own.
  if (process.platform === "win32") return;
  try {
    const folder = await open(path, "r");
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    if (!unflushable.has(errorCodeOf(error))) throw error;
  }
}

/**
 * Makes a folder with those above it, so that it outlives a crash. Throws what the file system says of the folder that it
 * refuses. Node's own way to make several calls a read-only one absent, and never ends where a folder that is there says
 * of a new one that it is absent, as `/proc` does.
 * @returns The first folder that was made, `undefined` when all were there.
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  let first: string | undefined;
  try {
    await mkdir(path);
  } catch (error) {
    if (await isFolder(path)) return undefined;
    const above = dirname(path);
    if (errorCodeOf(error) !== "ENOENT" || above === path) throw error;
    first = await makeFolder(above);
    await mkdir(path).catch(async (again: unknown) => {
      // Somebody else may have made it in between.
      if (!(await isFolder(path))) throw again;
    });
  }
  await flushFolder(dirname(path));
  return first ?? path;
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
