import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { astray, readTextFile, type TextFileFault, unreadableReason } from "./text-file.ts";

/** Where manifests are read from: the disk, or a commit. Paths are as diagnostics name them. */
export interface FileSource {
  /** What stands at a path, symbolic links followed; `undefined` when nothing does. */
  kindOf(path: string): Promise<"directory" | "other" | undefined>;
  /** What a folder holds, links not followed, in any order; or why it cannot be read. */
  list(folder: string): Promise<readonly FolderEntry[] | { readonly fault: string }>;
  /** A whole text file, a byte order mark included. */
  read(file: string): Promise<string | TextFileFault>;
  /** What tells the bytes of a file from others without reading them, where the source keeps such a thing. */
  hashOf?(file: string): Promise<string | undefined>;
}

/** One entry of a folder. */
export interface FolderEntry {
  readonly name: string;
  readonly kind: "directory" | "link" | "other";
}

/** The files on disk, wherever links lead. */
const diskFiles: FileSource = {
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
      return { fault: unreadableReason(error) };
    }
  },
  read: readTextFile,
};

/**
 * The files on disk below a folder that may hold somebody else's proposal. A symbolic link that leads out of it, or to
 * what Git keeps there, is not followed: what is found wrong with a file is shown to others.
 * @param root with its own links resolved.
 */
export function diskFilesWithin(root: string): FileSource {
  const leadsOut = async (path: string): Promise<boolean> => {
    const real = await realpath(path).catch(() => undefined);
    if (real === undefined) return false;
    const below = relative(root, real);
    return isAbsolute(below) || below.split(sep).some((part) => part === ".." || part === ".git");
  };
  return {
    kindOf: async (path) => ((await leadsOut(path)) ? undefined : diskFiles.kindOf(path)),
    list: async (folder) => ((await leadsOut(folder)) ? { fault: astray.message } : diskFiles.list(folder)),
    read: async (file) => ((await leadsOut(file)) ? astray : diskFiles.read(file)),
  };
}

/**
 * The files on disk as what is named by a path may be read: a checkout may hold somebody else's proposal, so its links are
 * followed within it alone; those of a folder that is in no checkout, within the folder. A file that is in none is what it
 * is: whoever names it means it.
 */
export async function diskFilesOf(path: string): Promise<FileSource> {
  const checkout = await checkoutAbove(resolve(path));
  if (checkout !== undefined) return diskFilesWithin(checkout);
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) return diskFiles;
  const isFolder = await stat(real).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const root = (await checkoutAbove(real)) ?? (isFolder ? real : undefined);
  return root === undefined ? diskFiles : diskFilesWithin(root);
}

/** A whole text file, a byte order mark included, by the rule of {@link diskFilesOf}. */
export async function readTextFileOf(path: string): Promise<string | TextFileFault> {
  return (await diskFilesOf(path)).read(path);
}

/** The top of the checkout that a path is in, with its own links resolved. */
async function checkoutAbove(path: string): Promise<string | undefined> {
  for (let folder = path; ; folder = dirname(folder)) {
    const isTop = await lstat(join(folder, ".git")).then(
      () => true,
      () => false,
    );
    if (isTop) return realpath(folder);
    if (dirname(folder) === folder) return undefined;
  }
}

/** Characters of a text that is kept, and of all of them together. */
const kept = { text: 64 * 1024, all: 8 * 1024 * 1024 };

/** Files that are looked at several times, asked for once: all but long texts are remembered. */
export function remembered(files: FileSource): FileSource {
  const kinds = new Map<string, ReturnType<FileSource["kindOf"]>>();
  const lists = new Map<string, ReturnType<FileSource["list"]>>();
  const texts = new Map<string, Awaited<ReturnType<FileSource["read"]>>>();
  let room = kept.all;
  const once = <Value>(known: Map<string, Value>, path: string, ask: (path: string) => Value): Value => {
    const found = known.get(path) ?? ask(path);
    known.set(path, found);
    return found;
  };
  return {
    ...files,
    kindOf: (path) => once(kinds, path, files.kindOf),
    list: (folder) => once(lists, folder, files.list),
    async read(file) {
      const known = texts.get(file);
      if (known !== undefined) return known;
      const text = await files.read(file);
      const length = typeof text === "string" ? text.length : 0;
      if (length <= Math.min(kept.text, room)) {
        room -= length;
        texts.set(file, text);
      }
      return text;
    },
  };
}
