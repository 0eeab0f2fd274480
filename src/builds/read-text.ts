import { readTextFileOf } from "../manifest/index.ts";
import { BuildError } from "./errors.ts";

/**
 * The text of a file of a build; `undefined` when there is none.
 * @throws {BuildError} `config-unreadable`.
 */
export async function readBuildText(file: string): Promise<string | undefined> {
  const text = await readTextFileOf(file);
  if (typeof text === "string") return text;
  if (text.isMissing) return undefined;
  throw new BuildError("config-unreadable", text.message, { where: file, hint: text.hint });
}
