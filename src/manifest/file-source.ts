import { readdir, stat } from "node:fs/promises";
import { messageOf } from "../errors/index.ts";
import { readTextFile, type TextFileFault } from "./text-file.ts";

/** Where manifests are read from: the disk, or a commit. Paths are as diagnostics name them. */
export interface FileSource {
  /** What stands at a path, symbolic links followed; `undefined` when nothing does. */
  kindOf(path: string): Promise<"directory" | "other" | undefined>;
  /** What a folder holds, links not followed, in any order; or why it cannot be read. */
  list(folder: string): Promise<readonly FolderEntry[] | { readonly fault: string }>;
  /** A whole text file, a byte order mark included. */
  read(file: string): Promise<string | TextFileFault>;
}

/** One entry of a folder. */
export interface FolderEntry {
  readonly name: string;
  readonly kind: "directory" | "link" | "other";
}

/** The files on disk. */
export const diskFiles: FileSource = {
  kindOf: (path) =>
    stat(path).then(
      (found) => (found.isDirectory() ? "directory" : "other"),
      () => undefined,
    ),
  list: async (folder) => {
    try {
      const entries = await readdir(folder, { withFileTypes: true });
      return entries.map((entry) => ({
        name: entry.name,
        kind: entry.isSymbolicLink() ? "link" : entry.isDirectory() ? "directory" : "other",
      }));
    } catch (error) {
      return { fault: messageOf(error) };
    }
  },
  read: readTextFile,
};
