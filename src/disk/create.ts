import { constants, copyFile, link, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { type Content, startDraft } from "./draft.ts";
import { errorCodeOf } from "./fault.ts";
import { flushFile, flushFolder, makeFolder } from "./flush.ts";
import { draftBeside } from "./replace.ts";

/** A file that is to be there. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
}

/** What file systems say that know no second name of a file. */
const unlinkable: ReadonlySet<string | undefined> = new Set(["EPERM", "ENOTSUP", "ENOSYS", "EMLINK"]);

/**
 * Makes a file under a name that nothing has, whole or not at all, so that it outlives a crash. Throws what the file system
 * says: `EEXIST` when something has the name, be it a link that leads nowhere.
 */
export async function createFile(path: string, content: Content): Promise<void> {
  const draft = await startDraft(draftBeside(path));
  try {
    await draft.write(content);
    await draft.flush();
    await link(draft.path, path).catch((error: unknown) => {
      if (!unlinkable.has(errorCodeOf(error))) throw error;
      return copyWhole(draft.path, path);
    });
  } finally {
    await draft.discard();
  }
  await flushFolder(dirname(path));
}

async function copyWhole(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL);
    await flushFile(to);
  } catch (error) {
    if (errorCodeOf(error) !== "EEXIST") await rm(to, { force: true });
    throw error;
  }
}

/**
 * Makes new files in their order, none over another one, with the folders that they need. When one cannot be made, those
 * before it are removed, with the folders that were made for them. Throws what the file system says of the one that could
 * not be.
 */
export async function createFiles(files: readonly NewFile[]): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  try {
    for (const { path, text } of files) {
      const first = await makeFolder(dirname(path));
      if (first !== undefined) undo.unshift(() => removeEmpty(dirname(path), first));
      await createFile(path, text);
      undo.unshift(() => rm(path, { force: true }));
    }
  } catch (error) {
    for (const step of undo) await step();
    throw error;
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
