import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { messageOf, WaybillError } from "../errors/index.ts";

/**
 * Writes a result next to its place and renames it, so that nobody ever reads half of one.
 * @throws {WaybillError} `file-unwritable`.
 */
export async function writeResult(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new WaybillError("file-unwritable", `the result could not be written: ${messageOf(cause)}`, {
      where: file,
      cause,
    });
  }
}

/** A file that the command line names. @throws {WaybillError} `file-unreadable`. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new WaybillError("file-unreadable", messageOf(cause), { where: file, cause });
  }
}
