import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { messageOf, WaybillError } from "../errors/index.ts";

/** Puts a whole text, or its parts, in place in one step, so that nobody ever reads half of a result. */
export type WriteResult = (text: string | Iterable<string>) => Promise<void>;

/**
 * Makes sure that a result can be written, before the work it is the result of begins: a promotion whose report
 * cannot be written would otherwise look like one that failed. Without a file, nothing is written.
 * @throws {WaybillError} `file-unwritable`.
 */
export async function openResult(file: string | undefined): Promise<WriteResult> {
  if (file === undefined) return async () => {};
  const temporary = `${file}.${randomUUID()}.tmp`;
  const attempt = async (step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (cause) {
      throw new WaybillError("file-unwritable", `the result cannot be written: ${messageOf(cause)}`, {
        where: file,
        cause,
      });
    } finally {
      await rm(temporary, { force: true });
    }
  };
  await attempt(() => writeFile(temporary, ""));
  return (text) =>
    attempt(async () => {
      await writeFile(temporary, text);
      await rename(temporary, file);
    });
}

/** A file that the command line names. @throws {WaybillError} `file-unreadable`. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new WaybillError("file-unreadable", messageOf(cause), { where: file, cause });
  }
}
