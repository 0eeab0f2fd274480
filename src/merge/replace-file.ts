import { randomBytes } from "node:crypto";
import { open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MergeError } from "./errors.ts";

/**
 * Replaces the contents of a file in one step: whoever reads it sees the old text or the new one, even after a crash.
 * The file keeps its mode; where the path is a link, the file it leads to is replaced.
 * @throws {MergeError} `manifest-changed` when the file no longer holds `before`, `write-failed` when the file system
 * refuses; the file is then as it was.
 */
export async function replaceFile(path: string, before: string, after: string): Promise<void> {
  let temporary: string | undefined;
  try {
    const file = await realpath(path);
    const { mode } = await stat(file);
    temporary = join(dirname(file), `.${randomBytes(8).toString("hex")}.waybill`);
    await writeDurably(temporary, after, mode);
    if ((await readFile(file, "utf8")) !== before) throw changed(path);
    await rename(temporary, file);
    await syncFolder(dirname(file));
  } catch (cause) {
    if (temporary !== undefined) await rm(temporary, { force: true });
    if (cause instanceof MergeError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MergeError("write-failed", `the manifest could not be written: ${why}`, { where: path, cause });
  }
}

async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    // The mask of the process may have taken bits from the mode that the old file has.
    await file.chmod(mode & 0o7777);
    await file.writeFile(text, "utf8");
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the new name of the file survive a crash; some file systems cannot sync a folder, which is no failure. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    await folder.sync().finally(() => folder.close());
  } catch {
    // The file itself is safe; only the moment at which its name is, is up to the file system.
  }
}

function changed(path: string): MergeError {
  return new MergeError("manifest-changed", "the file was changed by somebody else in the meantime", {
    where: path,
    hint: "run the merge again",
  });
}
