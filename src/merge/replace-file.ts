import { readFile, realpath } from "node:fs/promises";
import { diskFaultOf, replaceFile as replaceOnDisk } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { MergeError } from "./errors.ts";

/**
 * Replaces the contents of a file in one step: whoever reads it sees the old text or the new one, even after a crash.
 * The file keeps its mode; where the path is a link, the file it leads to is replaced.
 * @throws {MergeError} `manifest-changed` when the file no longer holds `before`, `write-failed` when the file system
 * refuses; the file is then as it was.
 */
export async function replaceFile(path: string, before: string, after: string): Promise<void> {
  try {
    const file = await realpath(path);
    const check = async (): Promise<void> => {
      if ((await readFile(file, "utf8")) !== before) throw changed(path);
    };
    await replaceOnDisk(file, after, { check });
  } catch (cause) {
    if (cause instanceof MergeError) throw cause;
    const { message, hint } = diskFaultOf(cause) ?? { message: messageOf(cause), hint: undefined };
    const details = { where: path, hint, cause };
    throw new MergeError("write-failed", `the manifest could not be written: ${message}`, details);
  }
}

function changed(path: string): MergeError {
  return new MergeError("manifest-changed", "the file was changed by somebody else in the meantime", {
    where: path,
    hint: "run the merge again",
  });
}
