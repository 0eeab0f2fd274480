import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { errorCodeOf } from "../../disk/index.ts";
import { messageOf } from "../../errors/index.ts";
import { readTextFileOf } from "../../manifest/index.ts";
import { folderGone, type JobFolder, textsOf } from "./job-folder.ts";

/** A folder of this machine. */
export function openDiskFolder(folder: string): JobFolder {
  return {
    where: folder,
    async read() {
      const names = await readdir(folder).catch((error: unknown) =>
        errorCodeOf(error) === "ENOENT"
          ? "there is no folder of jobs"
          : `the folder of jobs cannot be read: ${messageOf(error)}`,
      );
      if (typeof names === "string") return { trouble: folderGone(names) };
      const inFolder = (name: string): string => join(folder, name);
      const found = await textsOf(names, inFolder, (name) => readTextFileOf(inFolder(name)));
      return "code" in found ? { trouble: found } : { found: { ...found, commit: undefined } };
    },
    accept() {},
  };
}
