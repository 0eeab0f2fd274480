import { link, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Draft, startDraft } from "./draft.ts";
import { errorCodeOf, ifPresent } from "./fault.ts";
import { flushFolder, makeFolder } from "./flush.ts";
import { markedName, ownerOfName } from "./mark.ts";
import { replaceFile } from "./replace.ts";
import { sweep } from "./sweep.ts";

/**
 * Changes to a folder that are there whole or not at all, and that outlive a crash of the process or the machine once
 * their promise resolves: contents are flushed before they get their name, and the folder after it. Folders that they need are
 * made. All methods throw what the file system says.
 */
export type DurableFiles = ReturnType<typeof durableFiles>;

/** Longest life of a draft whose process is not known to have ended. */
const draftMilliseconds = 24 * 60 * 60 * 1000;

/** {@link DurableFiles} that keeps unfinished content in `drafts`, a folder on the same file system. */
export function durableFiles(drafts: string) {
  const inFolders = async <Done>(path: string, work: () => Promise<Done>): Promise<Done> => {
    try {
      return await work();
    } catch (error) {
      if (errorCodeOf(error) !== "ENOENT") throw error;
    }
    for (const folder of [drafts, dirname(path)]) await makeFolder(folder);
    return work();
  };
  const draft = () => join(drafts, markedName());
  return {
    /** Begins a file that nobody sees before it is kept under its name. @param mode For what not everybody may read. */
    begin(mode?: number): Promise<Draft> {
      const path = draft();
      return inFolders(path, () => startDraft(path, mode));
    },
    /** Gives `path` the content, in place of whatever had that name. Readers see the old content or the new. */
    replace: (path: string, content: string | Uint8Array): Promise<void> =>
      inFolders(path, () => replaceFile(path, content, { draft: draft() })),
    /** Gives the file at `existing` a second name (a hard link). `"absent"` when there is no such file. */
    async link(existing: string, path: string): Promise<"linked" | "present" | "absent"> {
      try {
        if ((await ifPresent(stat(existing))) === undefined) return "absent";
        await inFolders(path, () => link(existing, path));
      } catch (error) {
        if (errorCodeOf(error) === "EEXIST") return "present";
        if (errorCodeOf(error) === "ENOENT") return "absent";
        throw error;
      }
      await flushFolder(dirname(path));
      return "linked";
    },
    /** Takes the name away. `false` when nothing had it. */
    async remove(path: string): Promise<boolean> {
      const isGone = await ifPresent(unlink(path).then(() => true));
      if (isGone === undefined) return false;
      await flushFolder(dirname(path));
      return true;
    },
    /** Removes what was begun by processes that have ended, and what is a day old, whoever began it. */
    sweep: (): Promise<number> =>
      sweep(drafts, { owner: ownerOfName, before: Date.now() - draftMilliseconds }),
  };
}
