import type { readTextFileOf } from "../../manifest/index.ts";
import type { JobSourceTrouble } from "./model.ts";

/** A folder of job files that is looked at again and again. */
export interface JobFolder {
  readonly where: string;
  /** @param known the commit that was read last: files of the same one are not read again. */
  read(known: string | undefined): Promise<FolderLook>;
  accept(commit: string): void;
}

/** What a look has found. */
export interface FolderLook {
  /** Nothing when what was found last is still what there is, or has to do. */
  readonly found?: FolderTexts | undefined;
  readonly trouble?: FolderTrouble | undefined;
}

/** What stands in a folder. */
export interface FolderTexts {
  readonly commit: string | undefined;
  /** By the name that diagnostics have, in the order of names. */
  readonly texts: ReadonlyMap<string, FileText>;
}

/** A text, or why there is none. */
export type FileText = Awaited<ReturnType<typeof readTextFileOf>>;

/** Why a folder is not read, or not taken. */
export type FolderTrouble = Omit<JobSourceTrouble, "since">;

/** Files of one folder, and characters of all of them: a hundred times what the largest known set of jobs has. */
const maxFiles = 10_000;
const maxLength = 64 * 1024 * 1024;

/**
 * The texts of the job files among some names.
 * @param nameOf how diagnostics name a file.
 */
export async function textsOf(
  names: readonly string[],
  nameOf: (name: string) => string,
  read: (name: string) => Promise<FileText>,
): Promise<Pick<FolderTexts, "texts"> | FolderTrouble> {
  const files = names.filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
  if (files.length > maxFiles) return tooLarge(`it has ${files.length} files`);
  const texts = new Map<string, FileText>();
  let length = 0;
  for (const name of files) {
    const text = await read(name);
    length += typeof text === "string" ? text.length : 0;
    if (length > maxLength) return tooLarge("its files are too large together");
    texts.set(nameOf(name), text);
  }
  return { texts };
}

function tooLarge(why: string): FolderTrouble {
  const hint = `a folder of jobs has ${maxFiles} files and ${maxLength / 1024 / 1024} MiB at most`;
  return { code: "too-large", message: `the folder of jobs is not read: ${why}`, hint };
}

/** That there is no such folder, or that it cannot be read. @param message says which of both. */
export function folderGone(message: string): FolderTrouble {
  const hint = "make it, and put job files into it, or name another one; jobs that were there before go on";
  return { code: "folder-gone", message, hint };
}
